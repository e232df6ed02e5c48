import { distance } from 'fastest-levenshtein';
import { systemPrefix, type Column } from '../../domain/column';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { PostgresConnection } from './connection';
import { parseTableName, quoteLiteral, quoteTable, type TableName } from './quote';
import { duckdbTypeOf } from './types';

export interface SourceTable {
  /** Quoted name, or a sub-select in parentheses with an alias. */
  readonly from: string;
  readonly label: string;
  readonly columns: readonly Column[];
  /** Postgres' own types, by column. */
  readonly types: Readonly<Record<string, string>>;
  /** Primary key, else a unique index without NULLs; empty where there is neither. */
  readonly key: readonly string[];
  /** `r` table, `p` partitioned, `m` materialized view, `v` view, `f` foreign, `q` query. */
  readonly kind: string;
  /** From statistics; -1: never analysed. */
  readonly estimatedRows: number;
  /** Of the table and of all that inherits from it; 0 where there is nothing that could be sampled. */
  readonly blocks: number;
  /** What a person should know before relying on what is read. */
  readonly notes: readonly string[];
}

const readable = "('r', 'p', 'm', 'v', 'f')";

const findTable =
  'SELECT c.oid, c.relkind, c.reltuples::bigint::text AS rows, row_security_active(c.oid)::text AS filtered ' +
  `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ${readable}`;

const findColumns =
  'SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum';

/** Columns after `indnkeyatts` are only carried along (INCLUDE); an index with NULLs, a predicate or an expression finds no row for sure. */
const findKey =
  'SELECT a.attname AS name FROM (SELECT * FROM pg_index i WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL ' +
  'AND NOT EXISTS (SELECT 1 FROM pg_attribute n WHERE n.attrelid = $1 AND NOT n.attnotnull AND n.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])) ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) i ' +
  'CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts ORDER BY k.place';

/** A partitioned table has no blocks of its own; those of its leaves count. A foreign leaf cannot be sampled. */
const findBlocks =
  'WITH RECURSIVE tree AS (SELECT $1::oid AS oid UNION SELECT h.inhrelid FROM pg_inherits h JOIN tree ON h.inhparent = tree.oid) ' +
  "SELECT CASE WHEN bool_or(c.relkind = 'f') THEN '0' ELSE coalesce(sum(pg_relation_size(c.oid)) / current_setting('block_size')::int, 0)::bigint::text END AS blocks FROM tree JOIN pg_class c ON c.oid = tree.oid";

/** A table or view as the catalog knows it; a missing one is refused with the nearest name. */
export async function describeTable(connection: PostgresConnection, name: string, schema: string): Promise<SourceTable> {
  const table = parseTableName(name, schema);
  const [found] = await connection.rows(findTable, [table.schema, table.table]);
  if (!found) throw await missing(connection, name, table);
  const oid = found['oid']!;
  const attributes = await connection.rows(findColumns, [oid]);
  const keys = await connection.rows(findKey, [oid]);
  const { blocks } = await connection.row(findBlocks, [oid]);
  const label = `${table.schema}.${table.table}`;
  return {
    from: quoteTable(table), label, kind: found['relkind']!, estimatedRows: Number(found['rows']), blocks: Number(blocks), key: keys.map((row) => row['name']!),
    notes: found['filtered'] === 'true' ? [`row-level security of "${label}" filters what this role reads; GRANT BYPASSRLS or a policy lets it see all rows`] : [],
    ...columnsOf(attributes.map((row) => ({ name: row['name']!, type: row['type']!, required: row['required'] === 't' }))),
  };
}

/** The columns of a query, asked of the server without running it over rows. */
export async function describeQuery(connection: PostgresConnection, query: string, label: string): Promise<SourceTable> {
  const from = `(${query.trim().replace(/;\s*$/, '')}\n) AS stream`;
  const fields = await connection.fields(`SELECT * FROM ${from} LIMIT 0`);
  const twice = fields.find(({ name }, index) => fields.findIndex((other) => other.name === name) < index);
  if (twice) throw new ConfigurationError(`planning stream "${label}": its query gives two columns "${twice.name}"; name one of them otherwise with AS`);
  const types = await connection.rows(
    'SELECT format_type(type, modifier) AS type FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS f(type, modifier, place) ORDER BY place',
    [`{${fields.map(({ dataTypeID }) => dataTypeID).join(',')}}`, `{${fields.map(({ dataTypeModifier }) => dataTypeModifier).join(',')}}`]);
  const attributes = fields.map(({ name }, index) => ({ name, type: types[index]!['type']!, required: false }));
  return { from, label, kind: 'q', estimatedRows: -1, blocks: 0, key: [], notes: [], ...columnsOf(attributes) };
}

function columnsOf(attributes: readonly { readonly name: string; readonly type: string; readonly required: boolean }[]): Pick<SourceTable, 'columns' | 'types'> {
  // A table that Millrace loaded may be read again; its lineage column is not part of the data.
  const own = attributes.filter(({ name }) => !name.startsWith(systemPrefix));
  return {
    columns: own.map(({ name, type, required }) => ({ name, nullable: !required, ...duckdbTypeOf(type) })),
    types: Object.fromEntries(own.map(({ name, type }) => [name, type])),
  };
}

async function missing(connection: PostgresConnection, name: string, { schema, table }: TableName): Promise<SourceHeldError> {
  const rows = await connection.rows(`SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname = $1 OR c.relname = $2) AND c.relkind IN ${readable}`, [schema, table]);
  const nearest = nearestTo(`${schema}.${table}`, rows.map((row) => `${row['schema']}.${row['name']}`));
  return new SourceHeldError(`planning stream "${name}": there is no table or view "${table}" in schema "${schema}"${nearest ? `; did you mean "${nearest}"?` : ''}; create it or correct the name`, { stream: name, schema });
}

export const nearestTo = (wanted: string, known: readonly string[]): string | undefined =>
  [...known].sort((left, right) => distance(left.toLowerCase(), wanted.toLowerCase()) - distance(right.toLowerCase(), wanted.toLowerCase()))[0];

/** Casts a literal to a column's own type. */
export const typedLiteral = (value: string, type: string): string => `${quoteLiteral(value)}::${type}`;
