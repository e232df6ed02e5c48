import { z } from 'zod';
import type { Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find, replacing } from './columns';
import { matchOf, otherOptions, otherReference } from './other';
import { orderOption, orderSql, partitionSql } from './order';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep, type CompileInput, type Compiled } from './step';

const ways = ['value', 'mean', 'median', 'mode', 'previous', 'next', 'interpolate', 'lookup'] as const;

const schema = z.strictObject({
  columns: z.array(z.string()).min(1).describe('Columns to fill'),
  with: z.enum(ways).default('value').describe('A fixed value, a statistic of the column, the neighbour, a straight line between both neighbours, or another table'),
  value: z.union([z.string(), z.number(), z.boolean()]).optional().describe('The fixed value'),
  group_by: z.array(z.string()).default([]).describe('Statistic or neighbours within groups of equal values here'),
  order_by: orderOption.optional().describe('previous, next, interpolate: which rows are neighbours; default: source order'),
  ...otherOptions,
  on: z.union([z.array(z.string()).min(1), z.record(z.string(), z.string())]).optional().describe('lookup: equal columns, or ours: theirs'),
});
type Options = z.output<typeof schema>;

export const fillMissing = defineStep({
  name: 'fill_missing',
  summary: 'Puts something where a value is NULL',
  example: 'fill_missing: { columns: [region], with: value, value: unknown }',
  optionsSchema: schema,
  scope: ({ with: way }) => (way === 'value' || way === 'lookup' ? 'row' : 'stream'),
  keepsRows: ({ with: way }) => way === 'value',
  references: (options): ReturnType<typeof otherReference> => (options.with === 'lookup' ? otherReference(options, 'fill_missing') : {}),
  compile(options, input) {
    for (const name of options.group_by) find(name, input, 'fill_missing');
    const columns = options.columns.map((name) => find(name, input, 'fill_missing'));
    if (options.with === 'lookup') return lookedUp(options, columns, input);
    const filled = columns.map((column) => [column.name, `CAST(coalesce(${quoteIdentifier(column.name)}, ${fillerOf(options, column, input)}) AS ${column.type})`] as const);
    return { kind: 'rows', windowed: options.with !== 'value', guards: [], columns: replacing(input, new Map(filled)) };
  },
});

/** The other table's columns of the same names. */
function lookedUp({ on }: Options, columns: readonly Column[], input: CompileInput): Compiled {
  if (!on) throw new ConfigurationError('compiling step "fill_missing": "with: lookup" needs "on", the columns that are equal');
  const match = matchOf({ on, columns: columns.map(({ name }) => [name, name]), order: undefined }, input, 'fill_missing');
  const filled = columns.map(({ name, type }) => [name, `coalesce(${quoteIdentifier(name)}, TRY_CAST(${match.value(name)} AS ${type}))`] as const);
  return { kind: 'rows', guards: [], from: match.from, columns: replacing(input, new Map(filled)) };
}

function fillerOf({ with: way, value, group_by: groups, order_by: order }: Options, column: Column, input: CompileInput): string {
  const name = quoteIdentifier(column.name);
  const partition = partitionSql(groups);
  const sorted = `ORDER BY ${orderSql(order, (other) => find(other, input, 'fill_missing').name)}`;
  const before = `last_value(${name} IGNORE NULLS) OVER (${partition} ${sorted} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
  const after = `first_value(${name} IGNORE NULLS) OVER (${partition} ${sorted} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)`;
  switch (way) {
    case 'value':
      if (value === undefined) throw new ConfigurationError('compiling step "fill_missing": "with: value" needs "value"');
      return `CAST(${quoteLiteral(String(value))} AS ${column.type})`;
    // avg() goes through DOUBLE; the sum of a decimal is exact, so its division is rounded once, at the column's scale.
    case 'mean': return column.type.startsWith('DECIMAL') ? `(sum(${name}) OVER (${partition}) / count(${name}) OVER (${partition}))` : `avg(${name}) OVER (${partition})`;
    case 'median': return `median(${name}) OVER (${partition})`;
    // Of several values that are equally frequent the smallest, so that it is the same in each run.
    case 'mode': return `mode(${name} ORDER BY ${name}) OVER (${partition})`;
    case 'previous': return before;
    case 'next': return after;
    case 'interpolate': return interpolated(order, column, input, { before, after, partition });
    case 'lookup': throw new Error('a lookup has no filler');
  }
}

/** By the distance in the order's own column, which must be one number or time; before the first and after the last value nothing is known. */
function interpolated(order: Options['order_by'], column: Column, input: CompileInput, { before, after, partition }: { readonly before: string; readonly after: string; readonly partition: string }): string {
  if (typeof order !== 'string') throw new ConfigurationError('compiling step "fill_missing": "with: interpolate" needs "order_by", one column of numbers or times');
  const at = quoteIdentifier(find(order.trim().split(/\s+/)[0]!, input, 'fill_missing').name);
  const line = `fill(${quoteIdentifier(column.name)}) OVER (${partition} ORDER BY ${at})`;
  return `CASE WHEN ${at} IS NOT NULL AND ${before} IS NOT NULL AND ${after} IS NOT NULL THEN ${line} END`;
}
