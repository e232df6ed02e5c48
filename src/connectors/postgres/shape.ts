import type { PostgresConnection } from './connection';
import { quoteIdentifier, quoteLiteral } from './quote';

/** What a table that takes another's name must be given to be like it. */
export interface Shape {
  /** Runs while the old table is still there and read: indexes under names of their own, NOT NULL. */
  readonly build: readonly string[];
  /** Runs once the name is free: index names and constraints, comments, owner, grants. */
  readonly finish: readonly string[];
}

/** Owner, grants, comments, indexes, primary and unique constraints, NOT NULL of `old`, for `next` (quoted both) which then bears its name. */
export async function shapeOf(connection: PostgresConnection, old: string, next: string): Promise<Shape> {
  const indexes = await indexesOf(connection, old);
  const required = await connection.rows('SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attnotnull ORDER BY attnum', [old]);
  return {
    build: [
      ...required.map((row) => `ALTER TABLE ${next} ALTER COLUMN ${quoteIdentifier(row['name']!)} SET NOT NULL`),
      ...indexes.map(({ scratch, unique, definition }) => `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoteIdentifier(scratch)} ON ${next} USING ${definition}`),
    ],
    finish: [...indexes.flatMap((index) => namedAgain(index, old)), ...await commentsOf(connection, old), ...await ownerOf(connection, old, next), ...await grantsOf(connection, old, next)],
  };
}

interface Index {
  readonly name: string;
  /** Its name until the old one is gone. */
  readonly scratch: string;
  readonly schema: string;
  readonly unique: boolean;
  /** After USING. */
  readonly definition: string;
  /** `PRIMARY KEY` or `UNIQUE`, with its name; null: a plain index. */
  readonly constraint: { readonly name: string; readonly kind: string; readonly deferral: string } | null;
  readonly comment: string | null;
  readonly constraintComment: string | null;
}

async function indexesOf(connection: PostgresConnection, table: string): Promise<readonly Index[]> {
  const rows = await connection.rows(
    "SELECT x.relname AS name, '_millrace_i_' || x.oid AS scratch, n.nspname AS schema, i.indisunique::text AS unique, k.conname AS constraint, k.contype AS kind, (k.condeferrable)::text AS deferrable, (k.condeferred)::text AS deferred, " +
    "substr(pg_get_indexdef(x.oid), length(format('CREATE %sINDEX %I ON %I.%I USING ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname, n.nspname, c.relname)) + 1) AS definition, " +
    "obj_description(x.oid, 'pg_class') AS comment, obj_description(k.oid, 'pg_constraint') AS said " +
    'FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace ' +
    "LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u') WHERE i.indrelid = to_regclass($1) ORDER BY x.oid", [table]);
  return rows.map((row) => ({
    name: row['name']!, scratch: row['scratch']!, schema: row['schema']!, unique: row['unique'] === 'true', definition: row['definition']!, comment: row['comment']!, constraintComment: row['said']!,
    constraint: row['constraint'] === null ? null : {
      name: row['constraint']!, kind: row['kind'] === 'p' ? 'PRIMARY KEY' : 'UNIQUE',
      deferral: row['deferrable'] === 'true' ? ` DEFERRABLE${row['deferred'] === 'true' ? ' INITIALLY DEFERRED' : ''}` : '',
    },
  }));
}

function namedAgain({ name, scratch, schema, constraint, comment, constraintComment }: Index, table: string): readonly string[] {
  const index = (called: string) => `${quoteIdentifier(schema)}.${quoteIdentifier(called)}`;
  return [
    // A constraint gives its index its own name.
    constraint ? `ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdentifier(constraint.name)} ${constraint.kind} USING INDEX ${quoteIdentifier(scratch)}${constraint.deferral}` : `ALTER INDEX ${index(scratch)} RENAME TO ${quoteIdentifier(name)}`,
    ...(comment === null ? [] : [`COMMENT ON INDEX ${index(name)} IS ${quoteLiteral(comment)}`]),
    ...(constraint && constraintComment !== null ? [`COMMENT ON CONSTRAINT ${quoteIdentifier(constraint.name)} ON ${table} IS ${quoteLiteral(constraintComment)}`] : []),
  ];
}

async function commentsOf(connection: PostgresConnection, table: string): Promise<readonly string[]> {
  const rows = await connection.rows(
    "SELECT a.attname AS name, d.description AS text FROM pg_description d LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 WHERE d.objoid = to_regclass($1) AND d.classoid = 'pg_class'::regclass", [table]);
  return rows.map((row) => `COMMENT ON ${row['name'] === null ? `TABLE ${table}` : `COLUMN ${table}.${quoteIdentifier(row['name']!)}`} IS ${quoteLiteral(row['text']!)}`);
}

async function ownerOf(connection: PostgresConnection, old: string, next: string): Promise<readonly string[]> {
  const { owner, other } = await connection.row('SELECT pg_get_userbyid(c.relowner) AS owner, (c.relowner <> h.relowner)::text AS other FROM pg_class c, pg_class h WHERE c.oid = to_regclass($1) AND h.oid = to_regclass($2)', [old, next]);
  return other === 'true' ? [`ALTER TABLE ${old} OWNER TO ${quoteIdentifier(owner!)}`] : [];
}

/** What default privileges gave the new table goes; what the old one had comes. */
async function grantsOf(connection: PostgresConnection, old: string, next: string): Promise<readonly string[]> {
  const grantee = "CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END AS grantee";
  const own = await connection.row('SELECT (relacl IS NULL)::text AS plain FROM pg_class WHERE oid = to_regclass($1)', [old]);
  const given = await connection.rows(`SELECT DISTINCT ${grantee} FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = to_regclass($1) ORDER BY 1`, [next]);
  const table = await connection.rows(`SELECT ${grantee}, g.privilege_type AS privilege, g.is_grantable::text AS pass, NULL AS name FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = to_regclass($1)`, [old]);
  const columns = await connection.rows(`SELECT ${grantee}, g.privilege_type AS privilege, g.is_grantable::text AS pass, a.attname AS name FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = to_regclass($1) AND NOT a.attisdropped`, [old]);
  const { owner } = await connection.row('SELECT quote_ident(pg_get_userbyid(relowner)) AS owner FROM pg_class WHERE oid = to_regclass($1)', [old]);
  // Without a list of its own a table is its owner's alone.
  const plain = own['plain'] === 'true' && given.length > 0 ? [`GRANT ALL ON ${old} TO ${owner}`] : [];
  const grants = [...table, ...columns].map((row) => `GRANT ${row['privilege']}${row['name'] === null ? '' : ` (${quoteIdentifier(row['name']!)})`} ON ${old} TO ${row['grantee']}${row['pass'] === 'true' ? ' WITH GRANT OPTION' : ''}`);
  const revokes = (own['plain'] === 'true' ? given : [...given, { grantee: owner! }]).map((row) => `REVOKE ALL ON ${old} FROM ${row['grantee']}`);
  return [...revokes, ...plain, ...grants];
}
