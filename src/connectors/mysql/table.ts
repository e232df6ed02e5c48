import type { Column } from '../../domain/column';
import { SourceHeldError } from '../../domain/errors';
import type { MysqlConnection } from './connection';
import { parseTable, quoteIdentifier, quoteLiteral } from './quote';
import { columnOf } from './types';

export interface SourceTable {
  readonly label: string;
  /** Quoted. */
  readonly from: string;
  readonly columns: readonly Column[];
  /** MySQL's own types, by column. */
  readonly types: Readonly<Record<string, string>>;
  readonly key: readonly string[];
  /** From statistics. */
  readonly estimatedRows: number;
}

export async function describeTable(connection: MysqlConnection, name: string, database: string): Promise<SourceTable> {
  const place = parseTable(name, database);
  const at = `TABLE_SCHEMA = ${quoteLiteral(place.database)} AND TABLE_NAME = ${quoteLiteral(place.table)}`;
  const columns = await connection.rows(`SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE FROM information_schema.COLUMNS WHERE ${at} ORDER BY ORDINAL_POSITION`);
  if (columns.length === 0) throw new SourceHeldError(`planning stream "${name}": there is no table "${place.database}.${place.table}", or the user may not read it; correct the name or grant SELECT`, { stream: name });
  const key = await connection.rows(`SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE ${at} AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`);
  const [size] = await connection.rows(`SELECT COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE ${at}`);
  return {
    label: `${place.database}.${place.table}`,
    from: `${quoteIdentifier(place.database)}.${quoteIdentifier(place.table)}`,
    columns: columns.map(([column, type, nullable]) => columnOf(column!, type!, nullable === 'YES')),
    types: Object.fromEntries(columns.map(([column, type]) => [column!, type!])),
    key: key.map(([column]) => column!),
    estimatedRows: Number(size?.[0] ?? 0),
  };
}
