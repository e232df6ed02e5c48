import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { find } from './columns';
import { quoteIdentifier, quoteList } from './quote';
import { defineStep } from './step';

const order = z.string().regex(/^\s*\S+(\s+(asc|desc))?\s*$/i, 'write a column name, then asc or desc');

export const deduplicate = defineStep({
  name: 'deduplicate',
  summary: 'Keeps one row per key: the first by order_by, else the first of the source',
  example: 'deduplicate: { keys: [id], order_by: updated_at desc }',
  optionsSchema: z.strictObject({
    keys: z.array(z.string()).min(1).describe('Columns that make rows the same; NULL equals NULL'),
    order_by: order.optional().describe('`column [asc|desc]`: which of them is kept; ties go to the first of the source'),
  }),
  scope: () => 'stream',
  compile({ keys, order_by: orderBy }, input) {
    for (const key of keys) find(key, input, 'deduplicate');
    return { kind: 'keep', counts: 'deduplicated', condition: `row_number() OVER (PARTITION BY ${quoteList(keys)} ORDER BY ${orderBy ? `${orderOf(orderBy, (name) => find(name, input, 'deduplicate').name)}, ` : ''}${quoteIdentifier(positionColumn)}) = 1` };
  },
});

function orderOf(text: string, checked: (name: string) => string): string {
  const [name, direction = 'asc'] = text.trim().split(/\s+/);
  return `${quoteIdentifier(checked(name!))} ${direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC'} NULLS LAST`;
}
