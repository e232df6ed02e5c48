import { z } from 'zod';
import { fails, tried } from './columns';
import { defineStep, userExpression } from './step';

export const filter = defineStep({
  name: 'filter',
  summary: 'Keeps the rows for which an SQL condition is true; NULL counts as not true',
  example: 'filter: { where: "total > 0" }',
  takesOnError: true,
  optionsSchema: z.strictObject({ where: z.string().min(1).describe('SQL condition (DuckDB) over the row') }),
  userSql: ({ where }) => [userExpression(where)],
  compile: ({ where }, input) => ({
    kind: 'keep', condition: tried(where), counts: 'filtered',
    guards: [{ column: input.columns[0]!.name, output: input.columns[0]!.name, when: fails(where), reason: 'the condition fails on this row' }],
  }),
});
