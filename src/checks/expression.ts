import { z } from 'zod';
import { defineCheck } from './check';

export const expression = defineCheck({
  name: 'expression',
  summary: 'An SQL condition is true for every row; NULL fails',
  example: 'expression: { holds: "total >= tax" }',
  optionsSchema: z.strictObject({ holds: z.string().min(1).describe('SQL condition over the row: DuckDB, or with at: destination its own SQL') }),
  compile: ({ holds }, { dialect }) => ({ kind: 'row', violations: [{ column: null, when: `${dialect === undefined ? `TRY((${holds}))` : `(${holds})`} IS NOT TRUE`, reason: `does not satisfy ${holds}` }] }),
});
