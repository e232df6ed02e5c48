import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { to as copyTo } from 'pg-copy-streams';
import type { Column, StreamSchema } from '../../domain/column';
import { SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { ConnectorContext, Source } from '../connector';
import { describeQuery, describeTable, typedLiteral, type SourceTable } from './catalog';
import type { PostgresConfig } from './config';
import { addressOf, openConnection, type PostgresConnection } from './connection';
import { translated } from './errors';
import { conditionOf, planPartitions, type Slice } from './partitions';
import { quoteIdentifier } from './quote';
import { planWindow } from './window';

/** Name of sessions that only read: they never hold a watermark back (semantics 4). */
const readerName = 'millrace:read';

/** Tables, views and queries of a Postgres database, read by COPY; no row passes through JavaScript objects. */
export async function openPostgresSource(config: PostgresConfig, context: ConnectorContext): Promise<Source> {
  let opened: PostgresConnection | null = null;
  const connect = async () => (opened ??= await openConnection(config, 'source', readerName));
  return {
    async check() {
      const { version } = await (await connect()).row('SELECT split_part(version(), \' \', 2) AS version');
      return { ok: true, messages: [`"${context.connection}": Postgres ${version} answers at ${addressOf(config)}`] };
    },
    discover: async () => discover(await connect(), config.schema),
    async plan(request, control) {
      const connection = await connect();
      const table = await describe(connection, request.stream, config.schema);
      const planned = await planWindow(connection, table, request, control);
      const { partitions, notes } = await planPartitions(connection, table, planned, request.stream.partition.rows);
      const old = request.position ?? { cursor: null };
      return {
        columns: table.columns, key: table.key, window: planned.window, partitions,
        position: planned.window ? { cursor: planned.window.upper, state: { includeNull: planned.includeNull } } : { ...old, state: { includeNull: planned.includeNull } },
        files: [], reloads: [],
        notes: [...planned.notes, ...notes, ...(request.stream.mode === 'incremental' ? ['rows deleted in the source are not seen by an incremental read'] : [])],
      };
    },
    async read({ stream, plan, partition }, landing, control) {
      const connection = await connect();
      const table = await describe(connection, stream, config.schema);
      refuseOtherColumns(table, plan);
      const place = await landing.create('csv');
      const sql = `COPY (SELECT ${plan.columns.map(printed).join(', ')} FROM ${table.from} WHERE ${whereOf(partition.detail as unknown as Slice, table, plan)}) TO STDOUT (FORMAT csv, NULL '\\N', ENCODING 'UTF8')`;
      const rows = await connection.transaction(() => copy(connection, config, sql, place.path, control.signal, (bytes) => control.progress({ bytes })), 'ISOLATION LEVEL REPEATABLE READ READ ONLY');
      control.progress({ rows });
      return [await landing.seal(place.key, { rows, format: { name: 'copy_csv', options: {} }, origin: table.label })];
    },
    close: async () => { await opened?.close(); },
  };
}

const describe = (connection: PostgresConnection, stream: StreamSpec, schema: string): Promise<SourceTable> =>
  stream.query ? describeQuery(connection, stream.query, stream.stream) : describeTable(connection, stream.stream, schema);

function whereOf(slice: Slice, table: SourceTable, { window, position }: Plan): string {
  if (!window) return conditionOf(slice, table, { includeNull: false, cursor: null, window: 'true' });
  const column = quoteIdentifier(window.cursor);
  const type = table.types[window.cursor]!;
  const bounds = [...(window.lower === null ? [] : [`${column} >= ${typedLiteral(window.lower, type)}`]), `${column} < ${typedLiteral(window.upper, type)}`].join(' AND ');
  return conditionOf(slice, table, { includeNull: position.state?.['includeNull'] === true, cursor: window.cursor, window: bounds });
}

/**
 * DuckDB reads a date before year 1 as another date without a word (verified), so that must not look like a date. An instant is
 * printed as UTC without its zone: such text is read many times faster, and one out of range fails instead of becoming NULL.
 */
function printed({ name, type }: Column): string {
  const column = quoteIdentifier(name);
  if (type === 'TIMESTAMP WITH TIME ZONE') return `${column} AT TIME ZONE 'UTC' AS ${column}`;
  if (type === 'DATE') return `CASE WHEN ${column} >= '0001-01-01' OR NOT isfinite(${column}) THEN ${column}::text WHEN ${column} IS NOT NULL THEN 'out of range: ' || ${column}::text END AS ${column}`;
  return column;
}

function refuseOtherColumns(table: SourceTable, plan: Plan): void {
  const now = new Map(table.columns.map((column) => [column.name, column]));
  const changed = plan.columns.filter(({ name, type, sourceType }) => now.get(name)?.type !== type || now.get(name)?.sourceType?.type !== sourceType?.type).map(({ name }) => name);
  if (changed.length > 0) throw new SourceHeldError(`reading "${table.label}": column${changed.length > 1 ? 's' : ''} ${changed.map((name) => `"${name}"`).join(', ')} changed since the run was planned; undo the change and "millrace resume", or cancel and run it again`, { table: table.label, columns: changed });
}

/** Streams COPY into a file; returns the row count of COPY's command tag. */
async function copy(connection: PostgresConnection, config: PostgresConfig, sql: string, path: string, signal: AbortSignal, progress: (bytes: number) => void): Promise<number> {
  const stream = connection.client.query(copyTo(sql));
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => progress(bytes += chunk.length));
  try {
    await pipeline(stream, createWriteStream(path, { highWaterMark: 1 << 20 }), { signal });
    return stream.rowCount;
  } catch (error) {
    // The session is in the middle of a COPY and cannot be used again.
    (connection.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    if (signal.aborted) throw signal.reason;
    throw translated(error, config, 'source', 'reading by COPY');
  }
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
