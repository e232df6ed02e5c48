import type { Json } from '../../domain/json';
import type { Partition } from '../../domain/plan';
import { typedLiteral, type SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { cutPoints, estimateRows, place, type Estimate } from './cut-points';
import { quoteIdentifier, quoteList } from './quote';
import type { PlannedWindow } from '../planned-window';

/** Bounds of one slice, as text of the columns' own types; null is open. */
export type Slice =
  | { readonly kind: 'whole' }
  | { readonly kind: 'range'; readonly columns: readonly string[]; readonly lower: readonly string[] | null; readonly upper: readonly string[] | null }
  | { readonly kind: 'blocks'; readonly from: number; readonly to: number | null }
  /** Rows without a cursor; no other slice of an incremental read has them. */
  | { readonly kind: 'nulls'; readonly column: string };

interface Slices {
  readonly slices: readonly Slice[];
  readonly notes: readonly string[];
}

/** Slices of about `target` rows, cut where a sample of blocks says; a sample is the same on unchanged data. */
export async function planPartitions(connection: PostgresConnection, table: SourceTable, planned: PlannedWindow, target: number): Promise<{ readonly partitions: readonly Partition[]; readonly notes: readonly string[] }> {
  const rows = planned.empty ? { table: 0, window: 0 } : await estimateRows(connection, table, planned);
  const { slices, notes } = planned.empty ? { slices: [], notes: [] } : await slicesOf(connection, table, planned, target, rows);
  const each = Math.round(rows.window / Math.max(slices.length, 1));
  const nulls: readonly Slice[] = planned.nullsOf === null ? [] : [{ kind: 'nulls', column: planned.nullsOf }];
  return {
    partitions: [...slices, ...nulls].map((slice, ordinal) => ({ ordinal, label: labelOf(slice, table), detail: slice as unknown as Json, estimatedRows: slice.kind === 'nulls' ? null : each })),
    notes,
  };
}

async function slicesOf(connection: PostgresConnection, table: SourceTable, planned: PlannedWindow, target: number, rows: Estimate): Promise<Slices> {
  const whole: Slices = { slices: [{ kind: 'whole' }], notes: [] };
  if (rows.window <= target * 1.5) return whole;
  if (table.blocks === 0) return { ...whole, notes: [`"${table.label}" is ${kindName(table.kind)}: it is read as one partition of about ${rows.window} rows`] };
  const count = Math.ceil(rows.window / target);
  const columns = cutColumns(table, planned);
  const cuts = await cutPoints(connection, table, planned, columns, count, rows);
  return columns[0] === place ? byBlocks(table, cuts) : { slices: ranges(columns, cuts), notes: [] };
}

/** A cursor may have one value in many rows (a bulk update), so the key parts those. */
function cutColumns(table: SourceTable, { window }: PlannedWindow): readonly string[] {
  if (!window) return table.key.length > 0 ? table.key : [place];
  return [window.cursor, ...table.key.filter((name) => name !== window.cursor)];
}

/** First and last slice are open, so that no row lies outside. */
const ranges = (columns: readonly string[], cuts: readonly (readonly string[])[]): readonly Slice[] =>
  [null, ...cuts].map((lower, index) => ({ kind: 'range', columns, lower, upper: cuts[index] ?? null }));

/** Without a key, by where rows lie, in each table of a partitioned one. A row that an update moves between two reads may be missed or read twice. */
function byBlocks(table: SourceTable, cuts: readonly (readonly string[])[]): Slices {
  const blocks = [...new Set(cuts.map(([position]) => Number(/^\((\d+),/.exec(position!)![1])))].filter((block) => block > 0);
  return {
    slices: [0, ...blocks].map((from, index) => ({ kind: 'blocks', from, to: blocks[index] ?? null })),
    notes: [`"${table.label}" has no primary key: it is read by ctid ranges; rows that are updated while it is read may be missed or read twice`],
  };
}

function labelOf(slice: Slice, table: SourceTable): string {
  switch (slice.kind) {
    case 'whole': return table.label;
    case 'nulls': return `${slice.column} without value`;
    case 'blocks': return `blocks ${slice.from} … ${slice.to ?? 'end'}`;
    case 'range': return `${slice.columns.join(', ')} ${slice.lower?.join(', ') ?? 'start'} … ${slice.upper?.join(', ') ?? 'end'}`;
  }
}

const kindName = (kind: string): string => ({ v: 'a view', q: 'a query', f: 'a foreign table' })[kind] ?? 'a table with foreign parts';

/** SQL condition on the rows of a slice. `window`: the condition on the cursor; null: there is none. */
export function conditionOf(slice: Slice, table: SourceTable, window: string | null): string {
  if (slice.kind === 'nulls') return `${quoteIdentifier(slice.column)} IS NULL`;
  return [...(window === null ? [] : [window]), ...sliceSql(slice, table)].join(' AND ') || 'true';
}

function sliceSql(slice: Exclude<Slice, { kind: 'nulls' }>, table: SourceTable): readonly string[] {
  switch (slice.kind) {
    case 'whole': return [];
    case 'blocks': return [`ctid >= '(${slice.from},0)'::tid`, ...(slice.to === null ? [] : [`ctid < '(${slice.to},0)'::tid`])];
    case 'range': {
      const row = `(${quoteList(slice.columns)})`;
      const values = (bound: readonly string[]) => `(${bound.map((value, index) => typedLiteral(value, table.types[slice.columns[index]!]!)).join(', ')})`;
      return [...(slice.lower ? [`${row} >= ${values(slice.lower)}`] : []), ...(slice.upper ? [`${row} < ${values(slice.upper)}`] : [])];
    }
  }
}

/** Columns that a slice names; a plan outlives a change of the table. */
export const columnsOfSlice = (slice: Slice): readonly string[] => (slice.kind === 'range' ? slice.columns : slice.kind === 'nulls' ? [slice.column] : []);
