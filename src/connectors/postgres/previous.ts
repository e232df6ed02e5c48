import type { PostgresConnection } from './connection';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { Names } from './system-tables';
import type { Write } from './write';

/** In the comment of a kept table: whose publish put it aside, and what its indexes were called. */
interface Kept {
  readonly replacedBy: string;
  readonly indexes: Readonly<Record<string, string>>;
}

export const keptNote = (name: string): string => `the table before is kept as "${name}" until the next replace publishes`;

const mark = 'kept by Millrace: ';

/** The old table steps aside under its stated name, until the next replace publishes; its index names become free. */
export async function keepAside({ connection, names }: Write): Promise<void> {
  await connection.run(`DROP TABLE IF EXISTS ${names.previous}`);
  const rows = await connection.rows("SELECT x.relname AS name, '_millrace_k_' || x.oid AS kept FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = to_regclass($1)", [names.target]);
  const kept: Kept = { replacedBy: names.holder, indexes: Object.fromEntries(rows.map((row) => [row['kept']!, row['name']!])) };
  for (const [aside, name] of Object.entries(kept.indexes)) await renameIndex(connection, names, name, aside);
  await connection.run(`ALTER TABLE ${names.target} RENAME TO ${quoteIdentifier(names.previousName)}`);
  await connection.run(`COMMENT ON TABLE ${names.previous} IS ${quoteLiteral(mark + JSON.stringify(kept))}`);
}

/** Null: no table is kept, or not by Millrace. */
export async function findKept(connection: PostgresConnection, names: Names): Promise<Kept | null> {
  const { said } = await connection.row("SELECT obj_description(to_regclass($1), 'pg_class') AS said", [names.previous]);
  return said?.startsWith(mark) ? (JSON.parse(said.slice(mark.length)) as Kept) : null;
}

/** The kept table takes its name back, and the one that had replaced it goes. */
export async function bringBack(connection: PostgresConnection, names: Names, { indexes }: Kept): Promise<number> {
  const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${names.target}`);
  const { said } = await connection.row("SELECT obj_description(to_regclass($1), 'pg_class') AS said", [names.target]);
  await connection.run(`DROP TABLE ${names.target}`);
  await connection.run(`ALTER TABLE ${names.previous} RENAME TO ${quoteIdentifier(names.table)}`);
  for (const [aside, name] of Object.entries(indexes)) await renameIndex(connection, names, aside, name);
  await connection.run(`COMMENT ON TABLE ${names.target} IS ${said === null ? 'NULL' : quoteLiteral(said!)}`);
  return Number(n);
}

/** An index of a constraint gives the constraint its name. */
const renameIndex = (connection: PostgresConnection, { schema }: Names, from: string, to: string): Promise<number> =>
  connection.run(`ALTER INDEX ${quoteIdentifier(schema)}.${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
