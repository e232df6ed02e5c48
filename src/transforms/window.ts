import { z } from 'zod';
import { find, placing } from './columns';
import { orderOption, orderSql, partitionSql } from './order';
import { defineStep } from './step';

export const window = defineStep({
  name: 'window',
  summary: 'Adds columns that look at neighbouring rows: running totals, ranks, the value before',
  example: 'window: { partition_by: [region], order_by: updated_at, columns: { so_far: "sum(total)", place: "row_number()", before: "lag(total)" } }',
  optionsSchema: z.strictObject({
    columns: z.record(z.string().min(1), z.string().min(1)).describe('Column: SQL window function (DuckDB), without OVER'),
    partition_by: z.array(z.string()).default([]).describe('Rows with equal values here see each other; without it all rows do'),
    order_by: orderOption.optional().describe('`column [asc|desc]`, or several; ties, and rows without it, go by source order'),
    frame: z.string().regex(/^\s*(rows|range|groups)\s+between\s+[\w ']+\s+and\s+[\w ']+\s*$/i, 'is no frame; write one such as "rows between 6 preceding and current row"').optional().describe('Rows that a function sees, e.g. rows between 6 preceding and current row'),
  }),
  scope: () => 'stream',
  userSql: ({ columns, frame }) => Object.values(columns).map((text) => ({ sql: `SELECT ${text} OVER (ORDER BY 1 ${frame ?? ''}) AS value FROM input`, allowed: ['input'] })),
  compile({ columns, partition_by: groups, order_by: order, frame }, input) {
    for (const name of groups) find(name, input, 'window');
    // Source order at the end makes every row its own peer: a running total does not jump over ties.
    const over = `OVER (${partitionSql(groups)} ORDER BY ${orderSql(order, (name) => find(name, input, 'window').name)} ${frame ?? 'ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW'})`;
    const values = new Map(Object.entries(columns).map(([name, text]) => [name, `${text} ${over}`]));
    return { kind: 'rows', windowed: true, guards: [], columns: placing(input, values) };
  },
});
