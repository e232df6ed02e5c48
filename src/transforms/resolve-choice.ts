import { z } from 'zod';
import { castOf } from './cast';
import { find, lost, placing, refuseTaken, same, textOf, typeOption, wordOption } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const resolveChoice = defineStep({
  name: 'resolve_choice',
  summary: 'Settles a column that is sometimes a number and sometimes text',
  example: 'resolve_choice: { column: code, type: BIGINT, how: columns }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    column: z.string().describe('The column'),
    type: typeOption.describe('The type that it should be, or often is'),
    how: wordOption(['cast', 'null', 'columns', 'record']).default('cast').describe('cast: other values are errors; null: they become NULL; columns: `<name>_<type>` and `<name>_text`; record: one column { value, text }'),
  }),
  compile({ column: name, type, how }, input) {
    const column = find(name, input, 'resolve_choice');
    const value = castOf(quoteIdentifier(name), column.type, type);
    const text = `CASE WHEN (${value}) IS NULL THEN ${textOf(column)} END`;
    switch (how) {
      case 'cast': return { kind: 'rows', columns: placing(input, new Map([[name, value]])), guards: [lost(column, value, `is not a ${type.toUpperCase()} without loss`)] };
      case 'null': return { kind: 'rows', columns: placing(input, new Map([[name, value]])), guards: [] };
      case 'record': return { kind: 'rows', columns: placing(input, new Map([[name, `CASE WHEN ${quoteIdentifier(name)} IS NOT NULL THEN {'value': ${value}, 'text': ${text}} END`]])), guards: [] };
      case 'columns': {
        const names = [`${name}_${type.toLowerCase().replace(/\W.*$/, '')}`, `${name}_text`] as const;
        for (const added of names) refuseTaken(added, input, 'resolve_choice');
        const columns = input.columns.flatMap((other) => (other.name === name ? [{ name: names[0], sql: value, computed: true }, { name: names[1], sql: text, computed: true }] : [same(other)]));
        return { kind: 'rows', columns, guards: [] };
      }
    }
  },
});
