import type { Json } from '../../domain/json';
import type { Partition } from '../../domain/plan';
import { typedLiteral, type SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { quoteIdentifier, quoteList } from './quote';
import type { PlannedWindow } from './window';

/** Bounds of one slice, as text of the columns' own types; null is open. */
export type Slice =
  | { readonly kind: 'whole' }
  | { readonly kind: 'range'; readonly columns: readonly string[]; readonly lower: readonly string[] | null; readonly upper: readonly string[] | null; readonly first: boolean }
  | { readonly kind: 'blocks'; readonly from: number; readonly to: number | null };

/** Rows looked at per slice when cut points are drawn. */
const samplesPerSlice = 300;

/** Slices of about `target` rows, cut where a sample of blocks says; a sample is the same on unchanged data. */
export async function planPartitions(connection: PostgresConnection, table: SourceTable, planned: PlannedWindow, target: number): Promise<{ readonly partitions: readonly Partition[]; readonly notes: readonly string[] }> {
  if (planned.empty) return { partitions: [], notes: [] };
  const rows = await estimate(connection, table, planned);
  const whole = (notes: readonly string[]) => ({ partitions: [partitionOf(0, table.label, { kind: 'whole' }, rows)], notes });
  if (table.kind === 'v' || table.kind === 'f' || table.kind === 'q') return whole(rows > target * 1.5 ? [`"${table.label}" is not a table: it is read as one partition`] : []);
  if (rows <= target * 1.5) return whole([]);
  const slices = Math.ceil(rows / target);
  const columns = planned.window ? [planned.window.cursor] : table.key;
  if (columns.length === 0) return byBlocks(table, slices, rows);
  const cuts = await cutPoints(connection, table, planned, columns, slices, rows);
  return { partitions: ranges(columns, cuts).map((slice, ordinal) => partitionOf(ordinal, labelOf(slice), slice, Math.round(rows / (cuts.length + 1)))), notes: [] };
}

const partitionOf = (ordinal: number, label: string, slice: Slice, estimatedRows: number): Partition => ({ ordinal, label, detail: slice as unknown as Json, estimatedRows });

/** Rows of the window: the table's, as the planner guesses from its size even where it was never analysed, times the window's share of a sample. */
async function estimate(connection: PostgresConnection, table: SourceTable, { condition, window }: PlannedWindow): Promise<number> {
  const sampled = window !== null && (table.kind === 'r' || table.kind === 'm');
  const row = await connection.row(`EXPLAIN (FORMAT JSON) SELECT * FROM ${table.from}${sampled ? '' : ` WHERE ${condition}`}`);
  const plan = JSON.parse(row['QUERY PLAN']!) as [{ Plan: { 'Plan Rows': number } }];
  const rows = plan[0].Plan['Plan Rows'];
  if (!sampled || table.blocks === 0) return rows;
  const { hits, drawn } = await connection.row(`SELECT count(*) FILTER (WHERE ${condition})::text AS hits, count(*)::text AS drawn FROM ${table.from} TABLESAMPLE SYSTEM (${Math.min(100, 20_000 / table.blocks)}) REPEATABLE (4711)`);
  return Number(drawn) === 0 ? rows : Math.ceil((rows * Number(hits)) / Number(drawn));
}

/** Without a key, by where rows lie. A row that an update moves between two reads may be missed or read twice: said in the plan. */
function byBlocks(table: SourceTable, slices: number, rows: number): { readonly partitions: readonly Partition[]; readonly notes: readonly string[] } {
  const step = Math.max(1, Math.ceil(table.blocks / slices));
  const partitions: Partition[] = [];
  for (let from = 0; from < table.blocks; from += step) {
    const to = from + step < table.blocks ? from + step : null;
    partitions.push(partitionOf(partitions.length, `blocks ${from} … ${to ?? 'end'}`, { kind: 'blocks', from, to }, Math.round(rows / slices)));
  }
  return { partitions, notes: [`"${table.label}" has no primary key: it is read by ctid ranges; rows that are updated while it is read may be missed or read twice`] };
}

async function cutPoints(connection: PostgresConnection, table: SourceTable, planned: PlannedWindow, columns: readonly string[], slices: number, rows: number): Promise<readonly (readonly string[])[]> {
  const wanted = slices * samplesPerSlice;
  // Blocks, not rows, are drawn, so enough of them must be: rows of one block lie close together.
  const share = Math.min(100, Math.max((100 * wanted) / Math.max(rows, 1), table.blocks > 0 ? (100 * slices * 50) / table.blocks : 100));
  const list = quoteList(columns);
  const texts = columns.map((name, index) => `${quoteIdentifier(name)}::text AS c${index}`).join(', ');
  const found = await connection.rows(
    `SELECT DISTINCT ON (${list}) ${texts} FROM (SELECT ${list}, row_number() OVER (ORDER BY ${list}) AS place, count(*) OVER () AS drawn ` +
    `FROM ${table.from} TABLESAMPLE SYSTEM (${share}) REPEATABLE (4711) WHERE ${planned.condition}) sample ` +
    `WHERE place > 1 AND (place * ${slices}) / drawn > ((place - 1) * ${slices}) / drawn AND place < drawn ORDER BY ${list}`);
  return found.map((row) => columns.map((_name, index) => row[`c${index}`]!));
}

function ranges(columns: readonly string[], cuts: readonly (readonly string[])[]): readonly Slice[] {
  return [null, ...cuts].map((lower, index) => ({ kind: 'range', columns, lower, upper: cuts[index] ?? null, first: index === 0 }));
}

const labelOf = (slice: Slice): string =>
  slice.kind !== 'range' ? slice.kind : `${slice.columns.join(', ')} ${slice.lower?.join(', ') ?? 'start'} … ${slice.upper?.join(', ') ?? 'end'}`;

/** SQL condition of a slice, to be joined with the window's. */
export function conditionOf(slice: Slice, table: SourceTable, planned: Pick<PlannedWindow, 'includeNull'> & { readonly cursor: string | null; readonly window: string }): string {
  const nulls = planned.cursor !== null && planned.includeNull && (slice.kind === 'whole' || (slice.kind === 'range' && slice.first)) ? ` OR ${quoteIdentifier(planned.cursor)} IS NULL` : '';
  const own = sliceSql(slice, table);
  return `((${planned.window}) AND (${own}))${nulls}`;
}

function sliceSql(slice: Slice, table: SourceTable): string {
  switch (slice.kind) {
    case 'whole': return 'true';
    case 'blocks': return `ctid >= '(${slice.from},0)'::tid${slice.to === null ? '' : ` AND ctid < '(${slice.to},0)'::tid`}`;
    case 'range': {
      const row = `(${quoteList(slice.columns)})`;
      const values = (bound: readonly string[]) => `(${bound.map((value, index) => typedLiteral(value, table.types[slice.columns[index]!]!)).join(', ')})`;
      const parts = [...(slice.lower ? [`${row} >= ${values(slice.lower)}`] : []), ...(slice.upper ? [`${row} < ${values(slice.upper)}`] : [])];
      return parts.join(' AND ') || 'true';
    }
  }
}
