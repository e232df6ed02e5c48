import type { ColumnMetadata } from '@aws-sdk/client-redshift-data';
import type { Column, StreamSchema } from '../../domain/column';
import { systemPrefix } from '../../domain/column';
import { SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { Redshift, TextRow } from './client';
import { quoteIdentifier, quoteLiteral } from './quote';
import { duckdbTypeOf, typeOfCatalog } from './types';

export interface SourceTable {
  readonly label: string;
  /** As what follows FROM. */
  readonly from: string;
  readonly columns: readonly Column[];
  /** Redshift's own types by column, as `typeOfCatalog` says them. */
  readonly types: Readonly<Record<string, string>>;
}

interface Described {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: string;
}

export const describe = (redshift: Redshift, { stream, query }: Pick<StreamSpec, 'stream' | 'query'>): Promise<SourceTable> =>
  (query === undefined ? describeTable(redshift, stream) : describeQuery(redshift, query, stream));

/** The lineage column of a table that Millrace loaded is not part of the data. */
const tableOf = (label: string, from: string, described: readonly Described[]): SourceTable => {
  const data = described.filter(({ name }) => !name.startsWith(systemPrefix));
  return { label, from, columns: data.map(({ name, nullable, type }) => ({ name, nullable, ...duckdbTypeOf(type) })), types: Object.fromEntries(data.map(({ name, type }) => [name, type])) };
};

const text = (name: string, as: string): string => `CAST(${name} AS VARCHAR) AS ${as}`;
const catalog = `SELECT ${text('table_name', 'of_table')}, ${text('column_name', 'name')}, ${text('data_type', 'data_type')}, ${text('is_nullable', 'nullable')}, ${text('character_maximum_length', 'length')}, ${text('numeric_precision', 'precision')}, ${text('numeric_scale', 'scale')} FROM svv_columns`;
const ofCatalog = (rows: readonly TextRow[]): readonly Described[] => rows.map((row) => ({ name: row['name']!, nullable: row['nullable'] !== 'NO', type: typeOfCatalog(row) }));

async function describeTable(redshift: Redshift, stream: string): Promise<SourceTable> {
  const [table, schema = redshift.config.schema] = stream.toLowerCase().split('.').reverse() as [string, string?];
  const rows = await redshift.rows(`${catalog} WHERE table_schema = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(table)} ORDER BY ordinal_position`);
  if (rows.length === 0) throw new SourceHeldError(`planning stream "${stream}": there is no table "${schema}.${table}", or the user may not read it; correct the name or grant SELECT`, { stream });
  return tableOf(`${schema}.${table}`, `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`, ofCatalog(rows));
}

/** Nothing is run but for the columns of the result. */
async function describeQuery(redshift: Redshift, query: string, stream: string): Promise<SourceTable> {
  const from = `(${query.trim().replace(/;\s*$/, '')}) AS millrace_query`;
  const described = (await redshift.columns(`SELECT * FROM ${from} LIMIT 0`)).map((column) => ({ name: column.name ?? '', nullable: column.nullable !== 0, type: typeOfResult(column) }));
  const unnamed = described.find(({ name }, index) => name === '' || name === '?column?' || described.findIndex((other) => other.name === name) !== index);
  if (unnamed) throw new SourceHeldError(`planning stream "${stream}": the query has two columns "${unnamed.name}", or one without a name; name each with AS`, { stream });
  const vague = described.find(({ type }) => type === 'decimal(0,0)');
  if (vague) throw new SourceHeldError(`planning stream "${stream}": column "${vague.name}" of the query is a decimal without a precision; give it one: CAST(… AS DECIMAL(38,9))`, { stream });
  return tableOf(stream, from, described);
}

const names: Readonly<Record<string, string>> = { bool: 'boolean', int2: 'smallint', int4: 'integer', int8: 'bigint', float4: 'real', float8: 'double precision' };

/** The column of a result, in the words of `typeOfCatalog`. */
function typeOfResult({ typeName = '', precision = 0, scale = 0, length = 0 }: ColumnMetadata): string {
  if (typeName === 'numeric') return `decimal(${precision},${scale})`;
  if (typeName === 'varchar' || typeName === 'text') return `varchar(${length || 65_535})`;
  if (typeName === 'bpchar') return `char(${length || 1})`;
  return names[typeName] ?? typeName;
}

export async function discover(redshift: Redshift): Promise<readonly StreamSchema[]> {
  const { schema } = redshift.config;
  const tables = new Map<string, TextRow[]>();
  for (const row of await redshift.rows(`${catalog} WHERE table_schema = ${quoteLiteral(schema)} ORDER BY table_name, ordinal_position`)) tables.set(row['of_table']!, [...tables.get(row['of_table']!) ?? [], row]);
  return [...tables].filter(([table]) => !table.startsWith(systemPrefix)).map(([table, rows]) => ({ stream: `${schema}.${table}`, columns: tableOf(table, table, ofCatalog(rows)).columns, key: [] }));
}
