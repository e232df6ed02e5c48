import { distance } from 'fastest-levenshtein';
import { systemPrefix, type Column } from '../../domain/column';
import { SourceHeldError } from '../../domain/errors';
import type { PostgresConnection } from './connection';
import { parseTableName, quoteLiteral, quoteTable } from './quote';
import { duckdbTypeOf } from './types';

export interface SourceTable {
  /** Quoted name, or a sub-select in parentheses with an alias. */
  readonly from: string;
  readonly label: string;
  readonly columns: readonly Column[];
  /** Postgres' own types, by column. */
  readonly types: Readonly<Record<string, string>>;
  readonly key: readonly string[];
  /** `r` table, `p` partitioned, `m` materialized view, `v` view, `f` foreign, `q` query. */
  readonly kind: string;
  /** From statistics; -1: never analysed. */
  readonly estimatedRows: number;
  readonly blocks: number;
}

/** A table or view as the catalog knows it; a missing one is refused with the nearest name. */
export async function describeTable(connection: PostgresConnection, name: string, schema: string): Promise<SourceTable> {
  const table = parseTableName(name, schema);
  const from = quoteTable(table);
  const [found] = await connection.rows(
    'SELECT c.oid, c.relkind, c.reltuples::bigint::text AS rows, (pg_relation_size(c.oid) / current_setting(\'block_size\')::int)::text AS blocks ' +
    'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN (\'r\', \'p\', \'m\', \'v\', \'f\')', [table.schema, table.table]);
  if (!found) throw await missing(connection, name, table.schema);
  const attributes = await connection.rows('SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum', [found['oid']!]);
  const keys = await connection.rows(
    'SELECT a.attname AS name FROM pg_index i JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) ON true JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ' +
    'WHERE i.indrelid = $1 AND i.indisprimary ORDER BY k.place', [found['oid']!]);
  return {
    from, label: `${table.schema}.${table.table}`, kind: found['relkind']!, estimatedRows: Number(found['rows']), blocks: Number(found['blocks']),
    key: keys.map((row) => row['name']!),
    ...columnsOf(attributes.map((row) => ({ name: row['name']!, type: row['type']!, required: row['required'] === 't' }))),
  };
}

/** The columns of a query, asked of the server without running it over rows. */
export async function describeQuery(connection: PostgresConnection, query: string, label: string): Promise<SourceTable> {
  const from = `(${query.trim().replace(/;\s*$/, '')}\n) AS stream`;
  const { fields } = await connection.transaction(async () => connection.client.query(`SELECT * FROM ${from} LIMIT 0`), 'READ ONLY');
  const attributes = [];
  for (const { name, dataTypeID, dataTypeModifier } of fields) {
    const { type } = await connection.row('SELECT format_type($1::oid, $2) AS type', [dataTypeID, dataTypeModifier]);
    attributes.push({ name, type: type!, required: false });
  }
  return { from, label, kind: 'q', estimatedRows: -1, blocks: 0, key: [], ...columnsOf(attributes) };
}

function columnsOf(attributes: readonly { readonly name: string; readonly type: string; readonly required: boolean }[]): Pick<SourceTable, 'columns' | 'types'> {
  // A table that Millrace loaded may be read again; its lineage column is not part of the data.
  const own = attributes.filter(({ name }) => !name.startsWith(systemPrefix));
  return {
    columns: own.map(({ name, type, required }) => ({ name, nullable: !required, ...duckdbTypeOf(type) })),
    types: Object.fromEntries(own.map(({ name, type }) => [name, type])),
  };
}

async function missing(connection: PostgresConnection, name: string, schema: string): Promise<SourceHeldError> {
  const rows = await connection.rows('SELECT relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN (\'r\', \'p\', \'m\', \'v\', \'f\')', [schema]);
  const nearest = rows.map((row) => row['name']!).sort((left, right) => distance(left, name) - distance(right, name))[0];
  return new SourceHeldError(`planning stream "${name}": there is no table or view of that name in schema "${schema}"${nearest ? `; did you mean "${nearest}"?` : ''}, or the role may not see it`, { stream: name, schema });
}

/** Casts a literal to a column's own type. */
export const typedLiteral = (value: string, type: string): string => `${quoteLiteral(value)}::${type}`;
