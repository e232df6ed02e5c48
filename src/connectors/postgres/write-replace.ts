import { batchColumn } from '../../domain/column';
import { columnsOf } from './prepare';
import { quoteIdentifier } from './quote';
import type { Write, Written } from './write';

/** The table becomes what was read. */
export async function replace(write: Write): Promise<Written> {
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
