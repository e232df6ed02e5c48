import { z } from 'zod';
import { fails, same, tried } from './columns';
import { defineStep, userExpression } from './step';

export const add = defineStep({
  name: 'add',
  summary: 'Adds or replaces columns by SQL expressions over the row',
  example: 'add: { columns: { net: "total - tax" } }',
  takesOnError: true,
  optionsSchema: z.strictObject({ columns: z.record(z.string().min(1), z.string().min(1)).describe('Column: SQL expression (DuckDB)') }),
  userSql: ({ columns }) => Object.values(columns).map(userExpression),
  compile({ columns }, input) {
    const entries = Object.entries(columns);
    const first = input.columns[0]!.name;
    return {
      kind: 'rows',
      columns: [...input.columns.filter(({ name }) => !(name in columns)).map(same), ...entries.map(([name, sql]) => ({ name, sql: tried(sql), computed: true }))],
      guards: entries.map(([name, sql]) => ({ column: input.columns.some((column) => column.name === name) ? name : first, output: name, when: fails(sql), reason: `the expression of "${name}" fails on this row` })),
    };
  },
});
