import { batchColumn } from '../../domain/column';
import type { PublishRequest } from '../connector';
import { typedLiteral } from './catalog';
import type { PostgresConnection } from './connection';
import { columnsOf } from './prepare';
import { quoteIdentifier, quoteList } from './quote';
import type { Names } from './system-tables';

/** What a write did; each count is a command tag or a query of its own, none the difference of others. */
export interface Written {
  readonly rows: number;
  readonly deduplicated: number;
  readonly deleted: number;
}

interface Write {
  readonly connection: PostgresConnection;
  readonly names: Names;
  readonly request: PublishRequest;
  readonly numbers: readonly string[];
  readonly hidden: string;
  /** Quoted, with the lineage column where the stream keeps it. */
  readonly columns: string;
}

/** Moves the staged rows of a run into its target, in the publish transaction. */
export async function writeRows(connection: PostgresConnection, names: Names, request: PublishRequest, numbers: readonly string[]): Promise<Written> {
  const { stream } = request.target;
  const columns = quoteList([...request.plan.target.map(({ name }) => name), ...(stream.lineage ? [batchColumn] : [])]);
  const write: Write = { connection, names, request, numbers, columns, hidden: names.hidden(request.plan.fence) };
  if (stream.visible === 'batch') return visibleAlready(write);
  const written = await byWrite(write);
  await connection.run(`DROP TABLE IF EXISTS ${write.hidden}`);
  return written;
}

function byWrite(write: Write): Promise<Written> {
  switch (write.request.target.stream.write) {
    case 'append': return append(write);
    case 'replace': return replace(write);
    case 'merge': return merge(write);
    case 'delete_insert': return deleteInsert(write);
    case 'scd2': throw new Error('scd2 is refused before a run starts');
  }
}

async function visibleAlready({ connection, names, numbers }: Write): Promise<Written> {
  const { n } = await connection.row(`SELECT coalesce(sum(rows), 0)::text AS n FROM ${names.loads} WHERE batch_number = ANY($1::bigint[])`, [`{${numbers.join(',')}}`]);
  return { rows: Number(n), deduplicated: 0, deleted: 0 };
}

async function append({ connection, names, request, hidden, columns }: Write): Promise<Written> {
  const { stream } = request.target;
  if (stream.lookback === undefined || stream.key.length === 0 || !stream.cursor) {
    return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted: 0 };
  }
  // Read again because of the lookback: a row whose key and cursor value are there already is the same row.
  const there = `EXISTS (SELECT 1 FROM ${names.target} t WHERE ${[...stream.key, stream.cursor].map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM h.${quoteIdentifier(name)}`).join(' AND ')})`;
  const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${hidden} h WHERE ${there}`);
  return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden} h WHERE NOT ${there}`), deduplicated: Number(n), deleted: 0 };
}

async function replace(write: Write): Promise<Written> {
  const { connection, names, request, hidden, columns } = write;
  const { old } = await connection.row(`SELECT count(*)::text AS old FROM ${names.target}`);
  const deleted = Number(old);
  if (request.target.stream.lineage && await mayRename(write)) {
    const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${hidden}`);
    const { comment } = await connection.row('SELECT quote_literal(coalesce(obj_description(to_regclass($1), \'pg_class\'), \'\')) AS comment', [names.target]);
    await connection.run(`DROP TABLE ${names.target}`);
    await connection.run(`ALTER TABLE ${hidden} ALTER COLUMN ${batchColumn} DROP NOT NULL, ALTER COLUMN ${batchColumn} DROP DEFAULT`);
    await connection.run(`ALTER TABLE ${hidden} RENAME TO ${quoteIdentifier(names.table)}`);
    await connection.run(`COMMENT ON TABLE ${names.target} IS ${comment}`);
    return { rows: Number(n), deduplicated: 0, deleted };
  }
  await connection.run(`TRUNCATE ${names.target}`);
  return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted };
}

/** Renaming is only right where nothing hangs on the old table that would be lost or would follow it (semantics 7). */
async function mayRename({ connection, names, hidden }: Write): Promise<boolean> {
  const [old, next] = [await columnsOf(connection, names.target), await columnsOf(connection, hidden)];
  if (JSON.stringify([...old].sort()) !== JSON.stringify([...next].sort())) return false;
  const { hangs } = await connection.row(
    'SELECT (EXISTS (SELECT 1 FROM pg_index WHERE indrelid = c.oid) OR EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = c.oid OR confrelid = c.oid) OR EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = c.oid) ' +
    'OR EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = c.oid) OR EXISTS (SELECT 1 FROM pg_publication_rel WHERE prrelid = c.oid) OR EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid) ' +
    'OR EXISTS (SELECT 1 FROM pg_attrdef WHERE adrelid = c.oid) OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.refobjid = c.oid AND d.refclassid = \'pg_class\'::regclass AND d.deptype <> \'i\' AND d.classid <> \'pg_type\'::regclass) ' +
    'OR c.relacl IS NOT NULL OR c.relrowsecurity OR pg_get_userbyid(c.relowner) <> current_user OR EXISTS (SELECT 1 FROM pg_description p WHERE p.objoid = c.oid AND p.objsubid > 0) ' +
    'OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attacl IS NOT NULL OR a.attnotnull)))::text AS hangs FROM pg_class c WHERE c.oid = to_regclass($1)', [names.target]);
  return hangs === 'false';
}

/** Newer stays: a row is written over only by a newer one, or by other content of the same age (semantics 8). */
async function merge({ connection, names, request, hidden, columns }: Write): Promise<Written> {
  const { stream } = request.target;
  const key = quoteList(stream.key);
  const order = orderOf(request);
  const newest = `${key}, ${order ? `${quoteIdentifier(order)} DESC NULLS LAST, ` : ''}${batchColumn} DESC, ctid DESC`;
  await connection.run(`CREATE TEMP TABLE _millrace_newest ON COMMIT DROP AS SELECT DISTINCT ON (${key}) ${columns} FROM ${hidden} ORDER BY ${newest}`);
  const { losers } = await connection.row(`SELECT count(*)::text AS losers FROM (SELECT row_number() OVER (PARTITION BY ${key} ORDER BY ${newest}) AS place FROM ${hidden}) p WHERE place > 1`);
  const same = stream.key.map((name) => `t.${quoteIdentifier(name)} = n.${quoteIdentifier(name)}`).join(' AND ');
  const data = request.plan.target.map(({ name }) => quoteIdentifier(name));
  const differs = `(${data.map((name) => `t.${name}::text`).join(', ')}) IS DISTINCT FROM (${data.map((name) => `n.${name}::text`).join(', ')})`;
  const newer = order ? ageSql(quoteIdentifier(order), differs) : differs;
  await connection.run('ANALYZE _millrace_newest');
  const { stale } = await connection.row(`SELECT count(*)::text AS stale FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE (${newer}) IS NOT TRUE`);
  const lineage = stream.lineage ? [batchColumn] : [];
  const updated = await connection.run(`UPDATE ${names.target} t SET ${[...data, ...lineage].map((name) => `${name} = n.${name}`).join(', ')} FROM _millrace_newest n WHERE ${same} AND (${newer})`);
  const inserted = await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_newest n WHERE NOT EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same})`);
  return { rows: updated + inserted, deduplicated: Number(losers) + Number(stale), deleted: updated };
}

/** NULL is oldest. The same age with other content: the later batch, ours, wins. */
const ageSql = (order: string, differs: string): string =>
  `n.${order} > t.${order} OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (n.${order} IS NOT DISTINCT FROM t.${order} AND ${differs})`;

function orderOf({ target: { stream }, plan }: PublishRequest): string | null {
  const wanted = stream.orderBy?.trim().split(/\s+/)[0] ?? stream.cursor;
  return wanted && plan.target.some(({ name }) => name === wanted) ? wanted : null;
}

async function deleteInsert({ connection, names, request, hidden, columns }: Write): Promise<Written> {
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
