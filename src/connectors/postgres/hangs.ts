import type { PostgresConnection } from './connection';

/** What would be lost, or would follow the old table, if another took its name; each is a reason against it. */
const hindrances: readonly (readonly [condition: string, what: string])[] = [
  ["EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass)", 'a view or rule uses it'],
  ["EXISTS (SELECT 1 FROM pg_constraint k WHERE k.contype = 'f' AND c.oid IN (k.conrelid, k.confrelid))", 'it has a foreign key'],
  ["EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'x', 't'))", 'it has a check or exclusion constraint'],
  ['EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)', 'it has a trigger'],
  ['c.relrowsecurity OR c.relforcerowsecurity OR EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid)', 'it has row security'],
  ['EXISTS (SELECT 1 FROM pg_publication_rel p WHERE p.prrelid = c.oid)', 'a publication names it'],
  ['EXISTS (SELECT 1 FROM pg_inherits h WHERE c.oid IN (h.inhrelid, h.inhparent)) OR c.relispartition', 'it is a partition or has children'],
  ["c.relkind <> 'r' OR c.relpersistence <> 'p'", 'it is no plain table'],
  ["EXISTS (SELECT 1 FROM pg_attrdef d WHERE d.adrelid = c.oid) OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> '')", 'a column has a default or is generated'],
  ['EXISTS (SELECT 1 FROM pg_statistic_ext s WHERE s.stxrelid = c.oid)', 'it has extended statistics'],
  ["c.relreplident <> 'd' OR c.reloptions IS NOT NULL OR c.reltablespace <> 0 OR EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisclustered OR i.indisexclusion OR NOT i.indisvalid))", 'it has storage settings of its own'],
  ["EXISTS (SELECT 1 FROM pg_depend d JOIN pg_type t ON d.refobjid IN (t.oid, t.typarray) WHERE t.typrelid = c.oid AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'n')", 'its row type is used'],
  ["EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.deptype IN ('n', 'a') AND d.classid NOT IN ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass, 'pg_statistic_ext'::regclass) " +
    "AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT 1 FROM pg_index i WHERE i.indexrelid = d.objid)))", 'something else depends on it'],
  ["NOT pg_has_role(current_user, c.relowner, 'MEMBER')", 'another role owns it'],
  ['EXISTS (SELECT 1 FROM aclexplode(c.relacl) g WHERE g.grantor <> c.relowner) OR EXISTS (SELECT 1 FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = c.oid AND g.grantor <> c.relowner)', 'another role than the owner has granted on it'],
];

/** Why a table may not be replaced by renaming another; empty: only what `shapeOf` carries over hangs on it (semantics 7). */
export async function hangsOn(connection: PostgresConnection, table: string): Promise<readonly string[]> {
  const list = hindrances.map(([condition, what]) => `(${condition}, '${what}')`).join(', ');
  const rows = await connection.rows(`SELECT v.what FROM pg_class c CROSS JOIN LATERAL (VALUES ${list}) v(hangs, what) WHERE c.oid = to_regclass($1) AND v.hangs`, [table]);
  return rows.map((row) => row['what']!);
}
