import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const acceptedValues = defineCheck({
  name: 'accepted_values',
  summary: 'Every value is one of a list; NULL passes',
  example: 'accepted_values: { column: status, values: [active, closed] }',
  optionsSchema: z.strictObject({ column: z.string().describe('Column'), values: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1).describe('Allowed values, compared as text') }),
  compile: ({ column, values }, input) => ({
    kind: 'row',
    violations: [{ column, when: `CAST(${columnOf(column, input, 'accepted_values')} AS VARCHAR) NOT IN (${values.map((value) => quoteLiteral(String(value))).join(', ')})`, reason: 'is not an accepted value' }],
  }),
});
