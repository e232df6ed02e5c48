import type { PublishRequest } from '../connector';
import { typedLiteral } from './catalog';
import type { PostgresConnection } from './connection';
import { columnsOf } from './prepare';
import { recordDisplaced } from './displaced';
import { quoteIdentifier, quoteList } from './quote';
import type { Names } from './system-tables';
import type { Write, Written } from './write';

/** Whole groups, or the cursor window, become what was read. */
export async function deleteInsert({ connection, names, request, hidden, columns }: Write): Promise<Written> {
  const { by } = request.target.stream;
  const deleted = by === 'window' ? await deleteWindow(connection, names, request) : await deleteGroups(connection, names, request, hidden, by ?? []);
  return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted };
}

async function deleteGroups(connection: PostgresConnection, names: Names, request: PublishRequest, hidden: string, by: readonly string[]): Promise<number> {
  const groups = `(SELECT DISTINCT ${quoteList(by)} FROM ${hidden}) g`;
  const same = by.map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM g.${quoteIdentifier(name)}`).join(' AND ');
  await recordDisplaced({ connection, names, request, table: names.target, rows: `SELECT t.* FROM ${names.target} t JOIN ${groups} ON ${same}` });
  return connection.run(`DELETE FROM ${names.target} t USING ${groups} WHERE ${same}`);
}

async function deleteWindow(connection: PostgresConnection, names: Names, request: PublishRequest): Promise<number> {
  const { window } = request.plan;
  if (!window) return 0;
  const column = quoteIdentifier(window.cursor);
  const type = (await columnsOf(connection, names.target)).get(window.cursor)!;
  const lower = window.lower === null ? '' : `${column} >= ${typedLiteral(window.lower, type)} AND `;
  const condition = `${lower}${column} < ${typedLiteral(window.upper, type)}`;
  await recordDisplaced({ connection, names, request, table: names.target, rows: `SELECT * FROM ${names.target} WHERE ${condition}` });
  return connection.run(`DELETE FROM ${names.target} WHERE ${condition}`);
}
