import { z } from 'zod';
import { positionColumn, type Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find, replacing } from './columns';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import { defineStep } from './step';

const ways = ['value', 'mean', 'median', 'mode', 'previous', 'next'] as const;

export const fillMissing = defineStep({
  name: 'fill_missing',
  summary: 'Puts something where a value is NULL',
  example: 'fill_missing: { columns: [region], with: value, value: unknown }',
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns to fill'),
    with: z.enum(ways).default('value').describe('A fixed value, a statistic of the column, or the neighbour in source order'),
    value: z.union([z.string(), z.number(), z.boolean()]).optional().describe('The fixed value'),
    group_by: z.array(z.string()).default([]).describe('Statistic or neighbour within groups of equal values here'),
  }),
  scope: ({ with: way }) => (way === 'value' ? 'row' : 'stream'),
  compile(options, input) {
    for (const name of options.group_by) find(name, input, 'fill_missing');
    const filled = options.columns.map((name) => find(name, input, 'fill_missing')).map((column) =>
      [column.name, `CAST(coalesce(${quoteIdentifier(column.name)}, ${fillerOf(options, column)}) AS ${column.type})`] as const);
    return { kind: 'rows', guards: [], columns: replacing(input, new Map(filled)) };
  },
});

function fillerOf({ with: way, value, group_by: groups }: { with: (typeof ways)[number]; value?: string | number | boolean | undefined; group_by: readonly string[] }, column: Column): string {
  const name = quoteIdentifier(column.name);
  const partition = groups.length > 0 ? `PARTITION BY ${quoteList(groups)}` : '';
  const order = `ORDER BY ${quoteIdentifier(positionColumn)}`;
  switch (way) {
    case 'value':
      if (value === undefined) throw new ConfigurationError('compiling step "fill_missing": "with: value" needs "value"');
      return `CAST(${quoteLiteral(String(value))} AS ${column.type})`;
    // avg() goes through DOUBLE; the sum of a decimal is exact, so its division is rounded once, at the column's scale.
    case 'mean': return column.type.startsWith('DECIMAL') ? `(sum(${name}) OVER (${partition}) / count(${name}) OVER (${partition}))` : `avg(${name}) OVER (${partition})`;
    case 'median': return `median(${name}) OVER (${partition})`;
    case 'mode': return `mode(${name}) OVER (${partition})`;
    case 'previous': return `last_value(${name} IGNORE NULLS) OVER (${partition} ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
    case 'next': return `first_value(${name} IGNORE NULLS) OVER (${partition} ${order} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)`;
  }
}
