import { z } from 'zod';
import { columnsOption, isText, pick, replacing } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const changeCase = defineStep({
  name: 'case',
  summary: 'Writes text in upper, lower or title case',
  example: 'case: { columns: [country], to: upper }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({ columns: columnsOption, to: z.enum(['lower', 'upper', 'title']).describe('Which case') }),
  compile({ columns, to }, input) {
    const changed = (name: string): string => {
      const column = quoteIdentifier(name);
      if (to !== 'title') return `${to}(${column})`;
      return `array_to_string(list_transform(string_split(lower(${column}), ' '), lambda w: upper(w[1]) || w[2:]), ' ')`;
    };
    return { kind: 'rows', guards: [], columns: replacing(input, new Map(pick(columns, input, 'case').filter(isText).map(({ name }) => [name, changed(name)]))) };
  },
});
