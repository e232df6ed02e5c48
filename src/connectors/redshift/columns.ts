import type { Redshift } from './client';
import { quoteIdentifier, quoteLiteral } from './quote';
import { typeOfCatalog } from './types';

export interface TableColumn {
  /** In the words of `redshiftTypeOf`. */
  readonly type: string;
  /** It takes no NULL. */
  readonly required: boolean;
  /** It has a default for rows that do not name it. */
  readonly filled: boolean;
}

/** Columns by name in lower case; empty: no such table. */
export async function describeColumns(redshift: Redshift, schema: string, table: string): Promise<ReadonlyMap<string, TableColumn>> {
  const text = (name: string, as: string) => `CAST(${name} AS VARCHAR) AS ${as}`;
  const rows = await redshift.rows(
    `SELECT ${text('column_name', 'name')}, ${text('data_type', 'data_type')}, ${text('character_maximum_length', 'length')}, ${text('numeric_precision', 'precision')}, ${text('numeric_scale', 'scale')}, ${text('is_nullable', 'nullable')}, ` +
    `CASE WHEN column_default IS NULL THEN 'no' ELSE 'yes' END AS filled FROM svv_columns WHERE table_schema = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(table)} ORDER BY ordinal_position`);
  return new Map(rows.map((row) => [row['name']!.toLowerCase(), { type: typeOfCatalog(row), required: row['nullable'] === 'NO', filled: row['filled'] === 'yes' }]));
}

export const typesOf = (columns: ReadonlyMap<string, TableColumn>): ReadonlyMap<string, string> => new Map([...columns].map(([name, { type }]) => [name, type]));

/** A user that may not make schemas works in one that is there; IF NOT EXISTS would refuse it even so. */
export async function schemaSql(redshift: Redshift, schema: string): Promise<readonly string[]> {
  const there = await redshift.rows(`SELECT '1' AS some FROM pg_namespace WHERE nspname = ${quoteLiteral(schema)}`);
  return there.length > 0 ? [] : [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`];
}

/** Types by name in lower case; empty: no such table. */
export const columnsOf = async (redshift: Redshift, schema: string, table: string): Promise<ReadonlyMap<string, string>> => typesOf(await describeColumns(redshift, schema, table));
