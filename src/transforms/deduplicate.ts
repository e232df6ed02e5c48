import { z } from 'zod';
import { find } from './columns';
import { orderOption, orderSql } from './order';
import { quoteList } from './quote';
import { defineStep } from './step';

export const deduplicate = defineStep({
  name: 'deduplicate',
  summary: 'Keeps one row per key: the first by order_by, else the first of the source',
  example: 'deduplicate: { keys: [id], order_by: updated_at desc }',
  optionsSchema: z.strictObject({
    keys: z.array(z.string()).min(1).describe('Columns that make rows the same; NULL equals NULL'),
    order_by: orderOption.optional().describe('`column [asc|desc]`, or several: which of them is kept; ties go to the first of the source'),
  }),
  scope: () => 'stream',
  compile({ keys, order_by: orderBy }, input) {
    for (const key of keys) find(key, input, 'deduplicate');
    return { kind: 'keep', counts: 'deduplicated', windowed: true, condition: `row_number() OVER (PARTITION BY ${quoteList(keys)} ORDER BY ${orderSql(orderBy, (name) => find(name, input, 'deduplicate').name)}) = 1` };
  },
});
