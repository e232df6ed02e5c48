import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const pattern = defineCheck({
  name: 'pattern',
  summary: 'Every value matches a regular expression as a whole; NULL passes',
  example: 'pattern: { column: code, matches: "[A-Z]{3}" }',
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), matches: z.string().min(1).describe('Regular expression (RE2)') }),
  compile: ({ column, matches }, input) => ({
    kind: 'row', violations: [{ column, when: `NOT regexp_full_match(CAST(${columnOf(column, input, 'pattern')} AS VARCHAR), ${quoteLiteral(matches)})`, reason: `does not match ${matches}` }],
  }),
});
