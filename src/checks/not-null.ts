import { z } from 'zod';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const notNull = defineCheck({
  name: 'not_null',
  summary: 'No value is missing',
  example: 'not_null: { columns: [id, total] }',
  optionsSchema: z.strictObject({ columns: z.array(z.string()).min(1).describe('Columns') }),
  compile: ({ columns }, input) => ({ kind: 'row', violations: columns.map((column) => ({ column, when: `${columnOf(column, input, 'not_null')} IS NULL`, reason: 'is missing' })) }),
});
