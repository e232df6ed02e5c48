import type { Json } from '../../domain/json';
import type { StreamSpec } from '../../domain/pipeline';
import type { Partition, SourcePlan } from '../../domain/plan';
import type { Redshift } from './client';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { SourceTable } from './source-table';
import type { PlannedWindow } from '../planned-window';

/** Bounds of one slice, as text of the column's own type; null is open. */
export type Slice =
  | { readonly kind: 'whole' }
  /** `nulls`: rows without a value lie in it too. */
  | { readonly kind: 'range'; readonly column: string; readonly lower: string | null; readonly upper: string | null; readonly nulls: boolean }
  /** Rows without a cursor; no other slice of an incremental read has them. */
  | { readonly kind: 'nulls'; readonly column: string };

/** Types by whose order a table can be parted. */
const ordered = /^(smallint|integer|bigint|date|timestamp|timestamptz|decimal\(|varchar\()/;

/** Slices of about `partition.rows` rows, each an UNLOAD of its own; cut where the sorted column says. */
export async function planPartitions(redshift: Redshift, table: SourceTable, planned: PlannedWindow, stream: StreamSpec): Promise<Pick<SourcePlan, 'partitions' | 'notes' | 'partitionKey'>> {
  const rows = planned.empty ? 0 : Number((await redshift.row(`SELECT CAST(COUNT(*) AS VARCHAR) AS n FROM ${table.from} WHERE ${planned.condition}`))['n']);
  const column = [planned.window?.cursor, ...stream.key].find((name) => name !== undefined && ordered.test(table.types[name] ?? ''));
  const large = rows > stream.partition.rows * 1.5;
  const slices = planned.empty ? [] : large && column !== undefined ? await rangesOf(redshift, table, planned, column, Math.ceil(rows / stream.partition.rows)) : [{ kind: 'whole' } as const];
  const nulls: readonly Slice[] = planned.nullsOf === null ? [] : [{ kind: 'nulls', column: planned.nullsOf }];
  const partitions = [...slices, ...nulls].map((slice, ordinal): Partition => ({ ordinal, label: labelOf(slice, table), detail: slice as unknown as Json, estimatedRows: slice.kind === 'nulls' ? null : Math.round(rows / slices.length) }));
  const notes = large && column === undefined ? [`"${table.label}" is read as one partition of ${rows} rows: name a key or a cursor, by which it can be parted`] : [];
  return { partitions, notes, ...(slices.length > 0 && slices.every(({ kind }) => kind === 'range') && { partitionKey: [column!] }) };
}

async function rangesOf(redshift: Redshift, table: SourceTable, { condition, window }: PlannedWindow, column: string, count: number): Promise<readonly Slice[]> {
  const name = quoteIdentifier(column);
  const tiles = await redshift.rows(`SELECT CAST(MIN(c) AS VARCHAR) AS cut FROM (SELECT ${name} AS c, NTILE(${count}) OVER (ORDER BY ${name}) AS tile FROM ${table.from} WHERE ${condition} AND ${name} IS NOT NULL) tiles GROUP BY tile ORDER BY tile`);
  const cuts = [...new Set(tiles.map((row) => row['cut']!))].slice(1);
  return [null, ...cuts].map((lower, index) => ({ kind: 'range', column, lower, upper: cuts[index] ?? null, nulls: index === 0 && window === null }));
}

function labelOf(slice: Slice, table: SourceTable): string {
  switch (slice.kind) {
    case 'whole': return table.label;
    case 'nulls': return `${slice.column} without value`;
    case 'range': return `${slice.column} ${slice.lower ?? 'start'} … ${slice.upper ?? 'end'}`;
  }
}

/** SQL condition on the rows of a slice. `window`: the condition on the cursor. */
export function conditionOf(slice: Slice, table: SourceTable, window: string): string {
  if (slice.kind === 'whole') return window;
  const column = quoteIdentifier(slice.column);
  if (slice.kind === 'nulls') return `${column} IS NULL`;
  const value = (bound: string) => `CAST(${quoteLiteral(bound)} AS ${table.types[slice.column]!.replace(/^varchar\(.*/, 'VARCHAR(65535)')})`;
  const inside = [...(slice.lower === null ? [] : [`${column} >= ${value(slice.lower)}`]), ...(slice.upper === null ? [] : [`${column} < ${value(slice.upper)}`])].join(' AND ') || 'true';
  return `${window} AND ${slice.nulls ? `(${inside} OR ${column} IS NULL)` : inside}`;
}

/** Columns that a slice names; a plan outlives a change of the table. */
export const columnsOfSlice = (slice: Slice): readonly string[] => (slice.kind === 'whole' ? [] : [slice.column]);
