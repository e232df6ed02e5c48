import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BackfillWindow } from '../../domain/backfill';
import { systemPrefix, type Column } from '../../domain/column';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { Window } from '../../domain/position';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from '../../transforms/quote';
import type { ConnectorContext, PlanRequest, Source } from '../connector';
import { refuseOtherColumns } from '../other-columns';
import type { DuckDbConfig } from './config';

/** Tables and queries of a DuckDB file, one partition each: the file has one user at a time. */
export async function openDuckDbSource(config: DuckDbConfig, context: ConnectorContext): Promise<Source> {
  const file = path.resolve(context.baseFolder, config.path);
  const inside = <Result>(signal: AbortSignal, work: (session: Session) => Promise<Result>): Promise<Result> => {
    if (!existsSync(file)) throw new SourceHeldError(`opening "${file}": there is no such DuckDB file; correct "path" in connections.yaml, then "millrace resume RUN"`, { file });
    return context.engine.file(file, { readOnly: true }, signal, work);
  };
  return {
    readsRanges: true,
    check: async () => ({ ok: existsSync(file), messages: [existsSync(file) ? `"${context.connection}": "${file}"` : `"${context.connection}": there is no file "${file}"`] }),
    discover: () => inside(new AbortController().signal, async (session) => {
      const tables = await session.rows(`SELECT table_schema AS s, table_name AS t FROM information_schema.tables WHERE table_catalog = current_database() AND NOT starts_with(table_name, ${quoteLiteral(systemPrefix)}) ORDER BY 1, 2`);
      return Promise.all(tables.map(async (row) => ({ stream: `${row['s']}.${row['t']}`, key: [], columns: await columnsOf(session, `${quoteIdentifier(row['s']!)}.${quoteIdentifier(row['t']!)}`) })));
    }),
    plan: (request, control) => inside(control.signal, async (session) => {
      const from = fromOf(request.stream);
      const columns = await columnsOf(session, from);
      const window = await windowOf(session, from, columns, request);
      const label = request.stream.stream;
      const empty = request.stream.mode === 'incremental' && window === null;
      const { n } = await session.row(`SELECT count(*) AS n FROM ${from} WHERE ${whereOf(window, request.stream, request.range !== undefined)}`);
      return {
        columns, key: [], window,
        partitions: empty ? [] : [{ ordinal: 0, label, detail: request.range ? 'range' : null, estimatedRows: Number(n) }],
        position: window ? { cursor: window.upper } : request.position ?? { cursor: null },
        files: [], reloads: [], notes: empty ? ['nothing new'] : [],
      };
    }),
    read: ({ stream, plan, partition }, landing, control) => inside(control.signal, async (session) => {
      refuseOtherColumns(stream.stream, await columnsOf(session, fromOf(stream)), plan.columns);
      const place = await landing.create('parquet');
      const rows = await session.changed(`COPY (SELECT ${quoteList(plan.columns.map(({ name }) => name))} FROM ${fromOf(stream)} WHERE ${whereOf(plan.window, stream, partition.detail === 'range')}) TO ${quoteLiteral(place.path)} (FORMAT parquet)`);
      control.progress({ rows });
      return [await landing.seal(place.key, { rows, format: { name: 'parquet', options: {} }, origin: stream.stream })];
    }),
    sample: ({ stream, rows }, landing, control) => inside(control.signal, async (session) => {
      const from = fromOf(stream);
      const columns = await columnsOf(session, from);
      const place = await landing.create('parquet');
      await session.run(`COPY (SELECT ${quoteList(columns.map(({ name }) => name))} FROM ${from} LIMIT ${rows}) TO ${quoteLiteral(place.path)} (FORMAT parquet)`);
      return { columns, files: [{ path: place.path, format: { name: 'parquet', options: {} }, origin: stream.stream }] };
    }),
    close: async () => undefined,
  };
}

function fromOf({ stream, query }: StreamSpec): string {
  if (query) return `(${query.trim().replace(/;\s*$/, '')})`;
  return stream.split('.').map(quoteIdentifier).join('.');
}

async function columnsOf(session: Session, from: string): Promise<readonly Column[]> {
  const rows = await session.rows(`DESCRIBE SELECT * FROM ${from}`);
  return rows.filter((row) => !row['column_name']!.startsWith(systemPrefix)).map((row) => ({ name: row['column_name']!, type: row['column_type']!, nullable: row['null'] !== 'NO' }));
}

/** No other writer can have the file open, so the bound is max + one step, and the logical date for times. */
async function windowOf(session: Session, from: string, columns: readonly Column[], request: PlanRequest): Promise<Window | null> {
  const { stream, position, logicalDate, range } = request;
  if (stream.mode === 'full' || !stream.cursor) return null;
  const column = columns.find(({ name }) => name === stream.cursor);
  if (!column) throw new ConfigurationError(`planning stream "${stream.stream}": there is no cursor column "${stream.cursor}"; columns: ${columns.map(({ name }) => name).join(', ')}`);
  const name = quoteIdentifier(column.name);
  if (range) return rangeOf(session, column, stream, range);
  const logical = `CAST(${quoteLiteral(logicalDate)} AS TIMESTAMPTZ)`;
  const integer = /INT/.test(column.type);
  const bound = integer ? `max(${name}) + 1` : column.type === 'DATE' ? `least(max(${name}) + 1, CAST(${logical} AS DATE))` : `least(max(${name}) + INTERVAL 1 MICROSECOND, CAST(${logical} AS ${column.type}))`;
  const stands = position?.cursor ?? null;
  const value = stands === null ? null : `CAST(${quoteLiteral(stands)} AS ${column.type})`;
  const lower = value === null ? 'NULL' : stream.lookback === undefined ? value : typeof stream.lookback === 'string' ? `date_trunc(${quoteLiteral(stream.lookback)}, ${value})` : integer ? `${value} - ${stream.lookback}` : `${value} - INTERVAL ${stream.lookback} MILLISECOND`;
  const row = await session.row(`SELECT CAST(CAST(bound AS ${column.type}) AS VARCHAR) AS upper, CAST(CAST(${lower} AS ${column.type}) AS VARCHAR) AS lower, coalesce(${value === null ? 'bound IS NOT NULL' : `bound > ${value}`}, false) AS moved FROM (SELECT ${bound} AS bound FROM ${from})`);
  return row['moved'] === 'true' && row['upper'] ? { cursor: column.name, lower: row['lower'] ?? null, upper: row['upper'] } : null;
}

/** Exactly the window of a backfill, up to now; an instant without a stated zone is one of UTC. */
async function rangeOf(session: Session, { name, type }: Column, { stream, cursorTimezone }: StreamSpec, { from, to }: BackfillWindow): Promise<Window | null> {
  if (!/^(TIMESTAMP|DATE)/.test(type)) throw new ConfigurationError(`planning the backfill of "${stream}": its cursor "${name}" is ${type}, of which a range of time names no rows; load it again with "millrace run"`);
  const exactly = (instant: string) => (type === 'TIMESTAMP WITH TIME ZONE' ? instant : `CAST(${instant} AT TIME ZONE ${quoteLiteral(cursorTimezone ?? 'UTC')} AS ${type})`);
  const at = (instant: string) => exactly(`CAST(${quoteLiteral(instant)} AS TIMESTAMPTZ)`);
  const row = await session.row(`SELECT CAST(l AS VARCHAR) AS lower, CAST(u AS VARCHAR) AS upper, l < u AS open FROM (SELECT ${at(from)} AS l, least(${at(to)}, ${exactly('now()')}) AS u)`);
  return row['open'] === 'true' ? { cursor: name, lower: row['lower']!, upper: row['upper']! } : null;
}

/** `exactly`: rows without a cursor lie in no range. */
function whereOf(window: Window | null, stream: StreamSpec, exactly: boolean): string {
  if (!window) return 'true';
  const name = quoteIdentifier(window.cursor);
  const bounds = [...(window.lower === null ? [] : [`${name} >= ${quoteLiteral(window.lower)}`]), `${name} < ${quoteLiteral(window.upper)}`].join(' AND ');
  const nulls = !exactly && (stream.nullCursor ?? (stream.write === 'append' ? 'fail' : 'include')) === 'include' ? ` OR ${name} IS NULL` : '';
  return `(${bounds})${nulls}`;
}
