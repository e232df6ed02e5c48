import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const pattern = defineCheck({
  name: 'pattern',
  summary: 'Every value matches a regular expression as a whole; NULL passes',
  example: 'pattern: { column: code, matches: "[A-Z]{3}" }',
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), matches: z.string().min(1).describe('Regular expression (RE2; with at: destination the destination\'s own)') }),
  compile({ column, matches }, input) {
    const text = `CAST(${columnOf(column, input, 'pattern')} AS VARCHAR)`;
    const differs = (input.dialect ?? 'duckdb') === 'duckdb' ? `NOT regexp_full_match(${text}, ${quoteLiteral(matches)})` : `${text} !~ ${quoteLiteral(`^(?:${matches})$`)}`;
    return { kind: 'row', violations: [{ column, when: differs, reason: `does not match ${matches}` }] };
  },
});
