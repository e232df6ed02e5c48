import { z } from 'zod';
import { find, same } from './columns';
import { defineStep } from './step';

export const select = defineStep({
  name: 'select',
  summary: 'Keeps the named columns, in this order',
  example: 'select: { columns: [id, total] }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({ columns: z.array(z.string()).min(1).describe('Columns to keep') }),
  compile: ({ columns }, input) => ({ kind: 'rows', guards: [], columns: columns.map((name) => same(find(name, input, 'select'))) }),
});
