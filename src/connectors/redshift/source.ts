import type { Column, StreamSchema } from '../../domain/column';
import { ConfigurationError, DestinationHeldError, DestinationUnavailableError, SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import { systemPrefix } from '../../domain/column';
import type { ConnectorContext, Source } from '../connector';
import { refuseOtherColumns } from '../other-columns';
import { checkWarehouse } from './check';
import { openRedshift, type Redshift, type TextRow } from './client';
import type { RedshiftConfig } from './config';
import { quoteIdentifier, quoteLiteral } from './quote';
import { duckdbTypeOf, typeOfCatalog } from './types';
import { unload } from './unload';

interface SourceTable {
  readonly label: string;
  /** Quoted. */
  readonly from: string;
  readonly columns: readonly Column[];
}

/** Tables and views of a warehouse, whole: UNLOAD writes them to the staging bucket, and they are read from there. */
export async function openRedshiftSource(config: RedshiftConfig, context: ConnectorContext): Promise<Source> {
  const redshift = openRedshift(config);
  return {
    check: () => checkWarehouse(redshift, context.connection, 'source').catch((error: Error) => ({ ok: false, messages: [`"${context.connection}": ${error.message}`] })),
    discover: () => asSource(() => discover(redshift)),
    plan: ({ stream }, control) => asSource(async () => {
      control.signal.throwIfAborted();
      if (stream.mode !== 'full') throw new ConfigurationError(`planning stream "${stream.stream}": only "mode: full" is available with redshift yet`);
      if (stream.query !== undefined) throw new ConfigurationError(`planning stream "${stream.stream}": "query" is not available with redshift yet; make it a view`);
      const { columns, label } = await describe(redshift, stream.stream);
      return { columns, key: [], window: null, partitions: [{ ordinal: 0, label, detail: null, estimatedRows: null }], position: { cursor: null }, files: [], reloads: [], notes: [] };
    }),
    read: ({ stream, plan }, landing, control) => asSource(async () => {
      const table = await describe(redshift, stream.stream);
      refuseOtherColumns(table.label, table.columns, plan.columns);
      const place = await landing.create('csv');
      const rows = await unload(redshift, context.engine, { from: table.from, label: table.label, columns: plan.columns, to: place.path }, control);
      return [await landing.seal(place.key, { rows, format: { name: 'copy_csv', options: { fields: plan.columns.length } }, origin: table.label })];
    }),
    close: async () => redshift.close(),
  };
}

/** The same warehouse at the other end of a run. */
async function asSource<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DestinationUnavailableError) throw new SourceUnavailableError(error.message, error.facts);
    if (error instanceof DestinationHeldError) throw new SourceHeldError(error.message, error.facts);
    throw error;
  }
}

const text = (name: string, as: string): string => `CAST(${name} AS VARCHAR) AS ${as}`;
const catalog = `SELECT ${text('table_name', 'of_table')}, ${text('column_name', 'name')}, ${text('data_type', 'data_type')}, ${text('is_nullable', 'nullable')}, ${text('character_maximum_length', 'length')}, ${text('numeric_precision', 'precision')}, ${text('numeric_scale', 'scale')} FROM svv_columns`;

/** The lineage column of a table that Millrace loaded is not part of the data. */
const columnsOf = (rows: readonly TextRow[]): readonly Column[] =>
  rows.filter((row) => !row['name']!.startsWith(systemPrefix)).map((row) => ({ name: row['name']!, nullable: row['nullable'] !== 'NO', ...duckdbTypeOf(typeOfCatalog(row)) }));

async function describe(redshift: Redshift, stream: string): Promise<SourceTable> {
  const [table, schema = redshift.config.schema] = stream.toLowerCase().split('.').reverse() as [string, string?];
  const rows = await redshift.rows(`${catalog} WHERE table_schema = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(table)} ORDER BY ordinal_position`);
  if (rows.length === 0) throw new SourceHeldError(`planning stream "${stream}": there is no table "${schema}.${table}", or the user may not read it; correct the name or grant SELECT`, { stream });
  return { label: `${schema}.${table}`, from: `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`, columns: columnsOf(rows) };
}

async function discover(redshift: Redshift): Promise<readonly StreamSchema[]> {
  const { schema } = redshift.config;
  const tables = new Map<string, TextRow[]>();
  for (const row of await redshift.rows(`${catalog} WHERE table_schema = ${quoteLiteral(schema)} ORDER BY table_name, ordinal_position`)) tables.set(row['of_table']!, [...tables.get(row['of_table']!) ?? [], row]);
  return [...tables].filter(([table]) => !table.startsWith(systemPrefix)).map(([table, rows]) => ({ stream: `${schema}.${table}`, columns: columnsOf(rows), key: [] }));
}
