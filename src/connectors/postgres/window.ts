import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../../domain/control';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { Window } from '../../domain/position';
import type { PlanRequest } from '../connector';
import { typedLiteral, type SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { quoteIdentifier, quoteLiteral } from './quote';

export interface PlannedWindow {
  /** Null: everything (`mode: full`). */
  readonly window: Window | null;
  readonly empty: boolean;
  /** SQL condition on the rows of the window, apart from rows whose cursor is NULL. */
  readonly condition: string;
  /** Rows whose cursor is NULL are read too. */
  readonly includeNull: boolean;
  readonly notes: readonly string[];
}

type Family = 'integer' | 'date' | 'timestamp' | 'timestamptz';

/** `[lower, upper)` of this run; upper never passes a value that can still be written (semantics 4). All arithmetic is the server's. */
export async function planWindow(connection: PostgresConnection, table: SourceTable, request: PlanRequest, control: Control): Promise<PlannedWindow> {
  const { stream, position } = request;
  if (stream.mode === 'full' || !stream.cursor) return { window: null, empty: false, condition: 'true', includeNull: false, notes: [] };
  const cursor = stream.cursor;
  const type = table.types[cursor];
  if (!type) throw new ConfigurationError(`planning stream "${stream.stream}": there is no cursor column "${cursor}"; columns: ${Object.keys(table.types).join(', ')}`);
  const family = familyOf(type, stream.stream, cursor);
  const column = quoteIdentifier(cursor);
  const [bound] = await connection.rows(`SELECT (${upperSql(family, column, type, request)})::text AS upper, max(${column})::text AS newest FROM ${table.from}`);
  const settled = await settle(connection, family, request, bound?.['upper'] ?? null, control);
  const lower = position?.cursor == null ? null : await loweredBy(connection, family, type, position.cursor, stream.lookback);
  const upper = settled.upper;
  const notes = [...settled.notes];
  const includeNull = await treatNulls(connection, table, request, column);
  const stands = position?.cursor ?? null;
  const moved = upper !== null && (stands === null || (await connection.row(`SELECT (${typedLiteral(upper, type)} > ${typedLiteral(stands, type)})::text AS moved`))['moved'] === 'true');
  if (!moved) return { window: null, empty: true, condition: 'false', includeNull, notes: [...notes, upper === null ? `"${cursor}" has no values to read yet` : `nothing new: "${cursor}" has been read up to ${stands}`] };
  if (bound?.['newest']) notes.push(...await beyond(connection, table, column, type, upper!));
  const condition = [...(lower === null ? [] : [`${column} >= ${typedLiteral(lower, type)}`]), `${column} < ${typedLiteral(upper!, type)}`].join(' AND ');
  return { window: { cursor, lower, upper: upper! }, empty: false, condition, includeNull, notes };
}

function familyOf(type: string, stream: string, cursor: string): Family {
  if (/^(smallint|integer|bigint)$/.test(type)) return 'integer';
  if (type === 'date') return 'date';
  if (/^timestamp(\(\d\))? without/.test(type)) return 'timestamp';
  if (/^timestamp(\(\d\))? with /.test(type)) return 'timestamptz';
  throw new ConfigurationError(`planning stream "${stream}": cursor "${cursor}" is ${type}; a cursor is an integer, a date or a timestamp`);
}

/** Null where there are no rows. `max + one step` in the cursor's own type. */
function upperSql(family: Family, column: string, type: string, { stream, logicalDate }: PlanRequest): string {
  const zone = quoteLiteral(stream.cursorTimezone ?? 'UTC');
  const logical = `${quoteLiteral(logicalDate)}::timestamptz`;
  switch (family) {
    case 'integer': return `max(${column})::bigint + 1`;
    case 'date': return `CASE WHEN count(${column}) > 0 THEN least(max(${column}) + 1, (now() AT TIME ZONE ${zone})::date, (${logical} AT TIME ZONE ${zone})::date) END`;
    case 'timestamptz': return `CASE WHEN count(${column}) > 0 THEN least(now(), max(${column}) + interval '1 microsecond', ${logical})::${type} END`;
    case 'timestamp': {
      const now = stream.cursorTimezone ? `now() AT TIME ZONE ${zone}` : `(now() AT TIME ZONE 'UTC') + interval '14 hours'`;
      const cap = stream.cursorTimezone ? `${logical} AT TIME ZONE ${zone}` : `(${logical} AT TIME ZONE 'UTC') + interval '14 hours'`;
      return `CASE WHEN count(${column}) > 0 THEN least(${now}, max(${column}) + interval '1 microsecond', ${cap})::${type} END`;
    }
  }
}

async function loweredBy(connection: PostgresConnection, family: Family, type: string, stands: string, lookback: number | 'day' | 'month' | 'year' | undefined): Promise<string> {
  if (lookback === undefined) return stands;
  const value = typedLiteral(stands, type);
  const sql = typeof lookback === 'string' ? (family === 'integer' ? null : `date_trunc(${quoteLiteral(lookback)}, ${value})`)
    : family === 'integer' ? `${value} - ${lookback}`
      : family === 'date' ? `${value} - ${Math.ceil(lookback / 86_400_000)}` : `${value} - interval '${lookback} milliseconds'`;
  if (sql === null) throw new ConfigurationError(`planning: lookback "${lookback}" needs a date or timestamp cursor`);
  return (await connection.row(`SELECT (${sql})::${type}::text AS lower`))['lower']!;
}

const openTransactions =
  'SELECT l.pid::text AS id, a.xact_start::text AS since, \'process \' || l.pid AS who FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid ' +
  'WHERE l.locktype = \'virtualxid\' AND l.pid <> pg_backend_pid() AND coalesce(a.datname = current_database(), true) AND coalesce(a.application_name, \'\') <> \'millrace:read\' ' +
  'UNION ALL SELECT \'prepared \' || gid, prepared::text, \'prepared transaction \' || gid FROM pg_prepared_xacts WHERE database = current_database()';

/** Waits until every transaction that ran when the bound was taken has ended: it may still commit rows below it. */
async function settle(connection: PostgresConnection, family: Family, { stream, position }: PlanRequest, upper: string | null, control: Control): Promise<{ readonly upper: string | null; readonly notes: readonly string[] }> {
  if (upper === null) return { upper, notes: [] };
  const before = await connection.rows(openTransactions);
  const deadline = Date.now() + stream.settle;
  for (let open = before; open.length > 0; ) {
    control.signal.throwIfAborted();
    if (Date.now() >= deadline) return heldBack(connection, family, stream.settleOnTimeout === 'proceed' && stream.lookback !== undefined, position?.cursor ?? null, upper, open);
    await sleep(200);
    const now = await connection.rows(openTransactions);
    open = open.filter((old) => now.some((row) => row['id'] === old['id'] && row['since'] === old['since']));
  }
  return { upper, notes: [] };
}

async function heldBack(connection: PostgresConnection, family: Family, proceed: boolean, old: string | null, upper: string, open: readonly Record<string, string | null>[]) {
  const who = open.map((row) => `${row['who']} since ${row['since'] ?? 'unknown: grant pg_read_all_stats to see'}`).join(', ');
  const note = `watermark held back by ${who}`;
  if (family === 'integer') return proceed ? { upper, notes: [`${note}; read on, as settle_on_timeout says`] } : { upper: old, notes: [note] };
  const oldest = open.every((row) => row['since']) ? open.map((row) => row['since']!).sort()[0]! : null;
  if (oldest === null) return { upper: old, notes: [note] };
  const type = family === 'date' ? 'date' : family === 'timestamp' ? 'timestamp' : 'timestamptz';
  const { bound } = await connection.row(`SELECT least(${typedLiteral(upper, type)}, ${quoteLiteral(oldest)}::timestamptz::${type})::text AS bound`);
  return { upper: bound ?? old, notes: [note] };
}

async function treatNulls(connection: PostgresConnection, table: SourceTable, { stream }: PlanRequest, column: string): Promise<boolean> {
  const policy = stream.nullCursor ?? (stream.write === 'append' ? 'fail' : 'include');
  if (policy !== 'fail') return policy === 'include';
  const { some } = await connection.row(`SELECT EXISTS (SELECT 1 FROM ${table.from} WHERE ${column} IS NULL)::text AS some`);
  if (some === 'true') throw new SourceHeldError(`planning stream "${stream.stream}": some rows have no value in the cursor ${column}; they would be missed or read again and again: set null_cursor: exclude, or give them a value, then "millrace resume"`);
  return false;
}

async function beyond(connection: PostgresConnection, table: SourceTable, column: string, type: string, upper: string): Promise<readonly string[]> {
  const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${table.from} WHERE ${column} >= ${typedLiteral(upper, type)}`);
  return n === '0' ? [] : [`${n} rows lie at or beyond ${upper} and are left for a later run`];
}
