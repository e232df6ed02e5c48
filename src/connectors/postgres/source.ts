import type { Column, StreamSchema } from '../../domain/column';
import { SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { Partition, Plan, SourcePlan } from '../../domain/plan';
import type { ConnectorContext, PlanRequest, Source } from '../connector';
import { describeQuery, describeTable, type SourceTable } from './catalog';
import { checkSource } from './check-source';
import type { PostgresConfig } from './config';
import { openConnection, type PostgresConnection } from './connection';
import { cancellable, copyOut } from './copy-out';
import { knownFamily, windowSql } from './cursor';
import { proveRows } from './prove-source';
import { columnsOfSlice, conditionOf, planPartitions, type Slice } from './partitions';
import { quoteIdentifier } from './quote';
import { readerName } from './settle';
import { planWindow } from './window';

/** Tables, views and queries of a Postgres database, read by COPY; no row passes through JavaScript objects. */
export async function openPostgresSource(config: PostgresConfig, context: ConnectorContext): Promise<Source> {
  let opened: PostgresConnection | null = null;
  const connect = async () => (opened ??= await openReader(config));
  return {
    readsRanges: true,
    check: async () => checkSource(await connect(), config, context.connection),
    discover: async () => discover(await connect(), config.schema),
    async plan(request, control) {
      const connection = await connect();
      return cancellable(connection, config, control.signal, async () => {
        const table = await describe(connection, request.stream, config.schema);
        const planned = await planWindow(connection, table, request, control);
        return planOf(request, table, planned, await planPartitions(connection, table, planned, request.stream.partition.rows));
      });
    },
    async read({ stream, plan, partition }, landing, control) {
      const connection = await connect();
      const table = await describe(connection, stream, config.schema);
      const place = await landing.create('csv');
      const sql = copySql(table, plan, partition, plan.passes ? quoteName : printed);
      const { rows, measured } = await cancellable(connection, config, control.signal, () =>
        connection.transaction(() => copyOut(connection, config, sql, place.path, control), 'ISOLATION LEVEL REPEATABLE READ READ ONLY'));
      control.progress({ rows });
      return [await landing.seal(place.key, { rows, format: landedFormat(plan.columns), origin: table.label }, measured)];
    },
    async sample({ stream, rows }, landing, control) {
      const connection = await connect();
      const table = await describe(connection, stream, config.schema);
      const place = await landing.create('csv');
      const sql = copyOf(table.columns, printed, `${table.from} LIMIT ${rows}`);
      await cancellable(connection, config, control.signal, () => connection.transaction(() => copyOut(connection, config, sql, place.path, control), 'READ ONLY'));
      return { columns: table.columns, files: [{ path: place.path, format: landedFormat(table.columns), origin: table.label }] };
    },
    async measure({ stream, plan, aggregates }, control) {
      const connection = await connect();
      const table = await describe(connection, stream, config.schema);
      const { window } = plan;
      const bounds = window ? windowSql(quoteIdentifier(window.cursor), knownFamily(table.types[window.cursor]!)!, window.lower, window.upper) : 'true';
      const row = await cancellable(connection, config, control.signal, () =>
        connection.row(`SELECT ${aggregates.map((sql, index) => `(${sql})::text AS m${index}`).join(', ')} FROM ${table.from} WHERE ${readsNulls(plan) ? `(${bounds} OR ${quoteIdentifier(window!.cursor)} IS NULL)` : bounds}`));
      return aggregates.map((_, index) => row[`m${index}`] ?? null);
    },
    async prove({ stream, plan, partition, columns }, control) {
      const connection = await connect();
      const table = await describe(connection, stream, config.schema);
      const from = rowsOf(table, plan, partition);
      return cancellable(connection, config, control.signal, () => connection.transaction(() => proveRows(connection, table, plan, from, columns), 'READ ONLY'));
    },
    close: async () => { await opened?.close(); },
  };
}

/** Slices are cut between values of these columns; rows without a cursor lie in one of their own. */
function partitionKeyOf(partitions: readonly Partition[]): Pick<SourcePlan, 'partitionKey'> {
  const ranges = partitions.map(({ detail }) => detail as unknown as Slice).filter(({ kind }) => kind !== 'nulls');
  const first = ranges[0];
  return first?.kind === 'range' && ranges.every(({ kind }) => kind === 'range') ? { partitionKey: first.columns } : {};
}

/** Rows without a cursor are a partition of their own. */
const readsNulls = ({ window, partitions }: Plan): boolean => window !== null && partitions.some(({ detail }) => (detail as unknown as Slice).kind === 'nulls');

/** Its name promises that it writes nothing, so the server sees to that. */
async function openReader(config: PostgresConfig): Promise<PostgresConnection> {
  const connection = await openConnection(config, 'source', readerName);
  await connection.run('SET default_transaction_read_only = on');
  return connection;
}

async function describe(connection: PostgresConnection, { stream, query }: StreamSpec, schema: string): Promise<SourceTable> {
  const table = query ? await describeQuery(connection, query, stream) : await describeTable(connection, stream, schema);
  if (table.columns.length === 0) throw new SourceHeldError(`planning stream "${stream}": it has no columns, so there is nothing to read; add one or leave the stream out`, { stream });
  return table;
}

function planOf({ stream, position }: PlanRequest, table: SourceTable, planned: Awaited<ReturnType<typeof planWindow>>, { partitions, notes }: Awaited<ReturnType<typeof planPartitions>>): SourcePlan {
  const deletes = stream.mode === 'incremental' ? ['rows deleted in the source are not seen by an incremental read'] : [];
  return {
    columns: table.columns, key: table.key, window: planned.window, partitions,
    position: planned.window ? { cursor: planned.window.upper } : position ?? { cursor: null },
    files: [], reloads: [], copyText: true, ...partitionKeyOf(partitions),
    notes: [...table.notes, ...planned.notes, ...notes, ...deletes],
  };
}

const copySql = (table: SourceTable, plan: Plan, partition: Partition, print: (column: Column) => string): string => copyOf(plan.columns, print, rowsOf(table, plan, partition));

/** The rows of a partition, as what follows FROM. */
function rowsOf(table: SourceTable, plan: Plan, { detail }: Partition): string {
  const slice = detail as unknown as Slice;
  refuseOtherColumns(table, plan, slice);
  const { window } = plan;
  const bounds = window && windowSql(quoteIdentifier(window.cursor), knownFamily(table.types[window.cursor]!)!, window.lower, window.upper);
  return `${table.from} WHERE ${conditionOf(slice, table, bounds)}`;
}

function copyOf(columns: readonly Column[], print: (column: Column) => string, from: string): string {
  // A single empty text would be an empty line, which no reader of CSV takes for a record.
  const quoting = columns.length === 1 ? ', FORCE_QUOTE *' : '';
  return `COPY (SELECT ${columns.map(print).join(', ')} FROM ${from}) TO STDOUT (FORMAT csv, NULL '\\N', ENCODING 'UTF8'${quoting})`;
}

const landedFormat = (columns: readonly Column[]) => ({ name: 'copy_csv', options: { fields: columns.length } });

const quoteName = ({ name }: Column): string => quoteIdentifier(name);

/**
 * DuckDB reads a date before year 1 as another date without a word (verified), so that must not look like a date. An instant is
 * printed as UTC without its zone: such text is read many times faster, and one out of range fails instead of becoming NULL.
 */
function printed({ name, type }: Column): string {
  const column = quoteIdentifier(name);
  if (type === 'TIMESTAMP WITH TIME ZONE') return `${column} AT TIME ZONE 'UTC' AS ${column}`;
  // As cstring, which COPY prints as it is: through text every date would be converted twice more.
  if (type === 'DATE') return `CASE WHEN ${column} < '0001-01-01' AND isfinite(${column}) THEN textout('out of range: ' || ${column}::text) ELSE date_out(${column}) END AS ${column}`;
  return column;
}

/** A plan outlives a change of its table; reading on would mix two shapes of rows. */
function refuseOtherColumns(table: SourceTable, { columns, window }: Plan, slice: Slice): void {
  const now = new Map(table.columns.map((column) => [column.name, column]));
  const gone = [...columnsOfSlice(slice), ...(window ? [window.cursor] : [])].filter((name) => !now.has(name));
  const other = columns.filter(({ name, type, sourceType }) => now.get(name)?.type !== type || now.get(name)?.sourceType?.type !== sourceType?.type).map(({ name }) => name);
  const changed = [...new Set([...gone, ...other])];
  if (changed.length > 0) throw new SourceHeldError(`reading "${table.label}": column${changed.length > 1 ? 's' : ''} ${changed.map((name) => `"${name}"`).join(', ')} changed since the run was planned; undo the change and "millrace resume RUN", or cancel and run it again`, { table: table.label, columns: changed });
}

async function discover(connection: PostgresConnection, schema: string): Promise<readonly StreamSchema[]> {
  const tables = await connection.rows('SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN (\'r\', \'p\', \'m\', \'v\') AND c.relname NOT LIKE \'\\_millrace\\_%\' ORDER BY 1', [schema]);
  const found: StreamSchema[] = [];
  for (const row of tables) {
    const table = await describeTable(connection, `${schema}.${row['name']!}`, schema);
    found.push({ stream: table.label, columns: table.columns, key: table.key, ...(table.estimatedRows >= 0 && { estimatedRows: table.estimatedRows }) });
  }
  return found;
}
