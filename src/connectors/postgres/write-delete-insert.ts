import type { PublishRequest } from '../connector';
import { typedLiteral } from './catalog';
import type { PostgresConnection } from './connection';
import { columnsOf } from './prepare';
import { quoteIdentifier, quoteList } from './quote';
import type { Names } from './system-tables';
import type { Write, Written } from './write';

/** Whole groups, or the cursor window, become what was read. */
export async function deleteInsert({ connection, names, request, hidden, columns }: Write): Promise<Written> {
  const { by } = request.target.stream;
  const deleted = by === 'window' ? await deleteWindow(connection, names, request) : await deleteGroups(connection, names, hidden, by ?? []);
  return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted };
}

const deleteGroups = (connection: PostgresConnection, names: Names, hidden: string, by: readonly string[]): Promise<number> =>
  connection.run(`DELETE FROM ${names.target} t USING (SELECT DISTINCT ${quoteList(by)} FROM ${hidden}) g WHERE ${by.map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM g.${quoteIdentifier(name)}`).join(' AND ')}`);

async function deleteWindow(connection: PostgresConnection, names: Names, { plan }: PublishRequest): Promise<number> {
  if (!plan.window) return 0;
  const column = quoteIdentifier(plan.window.cursor);
  const type = (await columnsOf(connection, names.target)).get(plan.window.cursor)!;
  const lower = plan.window.lower === null ? '' : `${column} >= ${typedLiteral(plan.window.lower, type)} AND `;
  return connection.run(`DELETE FROM ${names.target} WHERE ${lower}${column} < ${typedLiteral(plan.window.upper, type)}`);
}
