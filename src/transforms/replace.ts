import { z } from 'zod';
import { columnsOption, isText, pick, replacing } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep } from './step';

export const replace = defineStep({
  name: 'replace',
  summary: 'Replaces text inside values',
  example: 'replace: { columns: [phone], pattern: "[^0-9+]", with: "", regex: true }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({
    columns: columnsOption,
    pattern: z.string().min(1).describe('What to look for'),
    with: z.string().describe('What to put there'),
    regex: z.boolean().default(false).describe('The pattern is a regular expression (RE2); all matches are replaced'),
  }),
  compile({ columns, pattern, with: replacement, regex }, input) {
    const changed = (name: string): string => regex
      ? `regexp_replace(${quoteIdentifier(name)}, ${quoteLiteral(pattern)}, ${quoteLiteral(replacement)}, 'g')`
      : `replace(${quoteIdentifier(name)}, ${quoteLiteral(pattern)}, ${quoteLiteral(replacement)})`;
    return { kind: 'rows', guards: [], columns: replacing(input, new Map(pick(columns, input, 'replace').filter(isText).map(({ name }) => [name, changed(name)]))) };
  },
});
