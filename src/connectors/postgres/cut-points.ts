import type { SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { quoteIdentifier } from './quote';
import type { PlannedWindow } from '../planned-window';

/** Rows that a sample of blocks stands for. */
export interface Estimate {
  readonly table: number;
  readonly window: number;
}

/** Any number: the same one draws the same blocks again, so a plan of unchanged data is the same plan. */
const seed = 4711;
/** 16 MB of reading at most, and exact for a table that is no bigger. */
const estimateBlocks = 2000;
const rowsPerCut = 300;
/** Rows of one block lie close together, so blocks are what a sample's size is measured in. */
const blocksPerCut = 24;
const fewestBlocks = 20_000;

const drawn = (table: SourceTable, percent: number): string => `${table.from} TABLESAMPLE SYSTEM (${percent}) REPEATABLE (${seed})`;

/** Counted in a sample, not taken from statistics: those may be old or missing. Views and foreign tables: the planner's guess. */
export async function estimateRows(connection: PostgresConnection, table: SourceTable, { condition }: PlannedWindow): Promise<Estimate> {
  if (table.blocks === 0) {
    const row = await connection.row(`EXPLAIN (FORMAT JSON) SELECT * FROM ${table.from} WHERE ${condition}`);
    const [{ Plan }] = JSON.parse(row['QUERY PLAN']!) as [{ Plan: { 'Plan Rows': number } }];
    return { table: Plan['Plan Rows'], window: Plan['Plan Rows'] };
  }
  const percent = Math.min(100, (100 * estimateBlocks) / table.blocks);
  const row = await connection.row(`SELECT count(*)::text AS rows, count(*) FILTER (WHERE ${condition})::text AS hits FROM ${drawn(table, percent)}`);
  return { table: Math.round((Number(row['rows']) * 100) / percent), window: Math.round((Number(row['hits']) * 100) / percent) };
}

/**
 * Values of `columns` that part the window's rows into `slices` of about equal size, in order and each once. Quantiles of a
 * sample serve every type that can be ordered, however its values are spread.
 */
export async function cutPoints(connection: PostgresConnection, table: SourceTable, { condition }: PlannedWindow, columns: readonly string[], slices: number, estimate: Estimate): Promise<readonly (readonly string[])[]> {
  const list = columns.map(sqlOf).join(', ');
  const texts = columns.map((name, index) => `${sqlOf(name)}::text AS c${index}`).join(', ');
  const found = await connection.rows(
    `SELECT DISTINCT ON (${list}) ${texts} FROM (SELECT ${list}, row_number() OVER (ORDER BY ${list}) AS place, count(*) OVER () AS drawn ` +
    `FROM ${drawn(table, percentOf(table, slices, estimate))} WHERE ${condition}) sample ` +
    `WHERE place > 1 AND (place * ${slices}) / drawn > ((place - 1) * ${slices}) / drawn AND place < drawn ORDER BY ${list}`);
  return found.map((row) => columns.map((_name, index) => row[`c${index}`]!));
}

/** Where a row lies serves as its key where it has none. */
export const place = 'ctid';
const sqlOf = (name: string): string => (name === place ? place : quoteIdentifier(name));

function percentOf({ blocks }: SourceTable, slices: number, { table, window }: Estimate): number {
  // Rows of a window may lie in one part of the table.
  const windowBlocks = Math.max(1, (blocks * window) / Math.max(table, 1));
  const wanted = Math.max((slices * rowsPerCut) / Math.max(window, 1), (slices * blocksPerCut) / windowBlocks);
  const most = Math.max(fewestBlocks, slices * blocksPerCut) / blocks;
  return 100 * Math.min(1, wanted, most);
}
