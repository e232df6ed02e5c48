import type { Json } from '../../domain/json';
import type { Partition } from '../../domain/plan';
import type { MysqlConnection } from './connection';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { SourceTable } from './table';

/** Bounds of one slice of the key as text; null is open, so that no row lies outside. */
export interface Slice { readonly lower: string | null; readonly upper: string | null }

/** Slices of `rows` rows, cut at every so many keys. Without a key of one column: the whole. */
export async function planPartitions(connection: MysqlConnection, table: SourceTable, condition: string | null, rows: number): Promise<readonly Partition[]> {
  const cuts = table.key.length === 1 && table.estimatedRows > rows * 1.5 ? await cutsOf(connection, table, condition, rows) : [];
  return [null, ...cuts].map((lower, ordinal) => {
    const slice: Slice = { lower, upper: cuts[ordinal] ?? null };
    return { ordinal, label: cuts.length === 0 ? table.label : `${table.key[0]} ${lower ?? 'start'} … ${slice.upper ?? 'end'}`, detail: slice as unknown as Json, estimatedRows: cuts.length === 0 ? table.estimatedRows : rows };
  });
}

async function cutsOf(connection: MysqlConnection, table: SourceTable, condition: string | null, rows: number): Promise<readonly string[]> {
  const key = quoteIdentifier(table.key[0]!);
  const numbered = `SELECT ${key} AS k, ROW_NUMBER() OVER (ORDER BY ${key}) AS n FROM ${table.from} WHERE ${condition ?? 'TRUE'}`;
  return (await connection.rows(`SELECT CAST(k AS CHAR) FROM (${numbered}) AS numbered WHERE n > 1 AND n % ${rows} = 1 ORDER BY n`)).map(([cut]) => cut!);
}

export function sliceSql({ lower, upper }: Slice, { key }: SourceTable): string {
  const column = key[0] === undefined ? '' : quoteIdentifier(key[0]);
  return [...(lower === null ? [] : [`${column} >= ${quoteLiteral(lower)}`]), ...(upper === null ? [] : [`${column} < ${quoteLiteral(upper)}`])].join(' AND ') || 'TRUE';
}
