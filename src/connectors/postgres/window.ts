import type { Control } from '../../domain/control';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { PlanRequest } from '../connector';
import type { PlannedWindow } from '../planned-window';
import type { SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { atInstant, boundLiteral, cursorOf, stepAfter, windowSql, type Cursor } from './cursor';
import { unprotectedBy } from './cursor-risks';
import { quoteLiteral } from './quote';
import { planRange } from './range';
import { settle } from './settle';

const day = 86_400_000;

/** `[lower, upper)` of this run; upper never passes a value that can still be written (semantics 4). All arithmetic is the server's. */
export async function planWindow(connection: PostgresConnection, table: SourceTable, request: PlanRequest, control: Control): Promise<PlannedWindow> {
  const { stream, position, range } = request;
  if (range) return planRange(connection, table, request, range);
  if (stream.mode === 'full' || !stream.cursor) return { window: null, empty: false, condition: 'true', nullsOf: null, notes: [] };
  const cursor = cursorOf(table, stream);
  const bound = await connection.row(`SELECT (${upperSql(cursor, request)})::text AS upper, max(${cursor.column})::text AS newest FROM ${table.from}`);
  const { upper, notes: held } = await settle(connection, cursor, request, bound['upper']!, control);
  const notes = [...held, ...stream.lookback === undefined ? await unprotectedBy(connection, table, cursor) : []];
  const stands = position?.cursor ?? null;
  const lower = upper === null ? null : await lowerBound(connection, cursor, request, stands, upper);
  const nulls = await nullsToRead(connection, table, stream, cursor);
  if (upper === null || lower === 'closed') {
    const why = bound['upper'] === null ? `"${cursor.name}" has no values to read yet` : `nothing new: "${cursor.name}" has been read up to ${stands ?? 'nothing'}, the logical date is ${request.logicalDate}`;
    // A table whose cursor is NULL in every row has rows to read, though no window.
    return { window: null, empty: true, condition: 'false', nullsOf: bound['upper'] === null && nulls ? cursor.name : null, notes: [...notes, why] };
  }
  return {
    window: { cursor: cursor.name, lower, upper }, empty: false, condition: windowSql(cursor.column, cursor.family, lower, upper), nullsOf: nulls ? cursor.name : null,
    notes: [...notes, ...await beyond(connection, table, cursor, upper, bound['newest']!)],
  };
}

/** Null where there are no rows. Taken before the wait for open transactions. */
function upperSql(cursor: Cursor, { stream, logicalDate }: PlanRequest): string {
  const { column, family } = cursor;
  const newest = newestSql(cursor);
  const next = stepAfter(cursor, newest);
  if (family === 'integer') return next;
  const until = (instant: string) => `${atInstant(cursor, instant, false)}${family === 'date' && readsToday(stream) ? ' + 1' : ''}`;
  return `CASE WHEN count(${column}) > 0 AND ${newest} IS NOT NULL THEN least(${next}, ${until('now()')}, ${until(`${quoteLiteral(logicalDate)}::timestamptz`)}) END`;
}

/**
 * Where no zone is stated, the newest value tells how late it is there. One that no clock on earth shows yet tells nothing: taken for the
 * bound, it would let the checkpoint pass the hours that are still to come.
 */
const newestSql = (cursor: Cursor): string =>
  `max(${cursor.column})${cursor.family === 'timestamp' && cursor.zone === null ? ` FILTER (WHERE ${cursor.column} <= ${atInstant({ ...cursor, digits: 6 }, 'now()', false)})` : ''}`;

/** The running day can be read where it is read again tomorrow and its rows then meet themselves by their key. */
const readsToday = ({ lookback, key, by }: StreamSpec): boolean =>
  lookback !== undefined && (typeof lookback === 'string' || lookback >= day) && (key.length > 0 || by !== undefined);

/** Null: from the beginning. 'closed': nothing lies between what has been read and `upper`. */
async function lowerBound(connection: PostgresConnection, cursor: Cursor, request: PlanRequest, stands: string | null, upper: string): Promise<string | null | 'closed'> {
  if (stands === null) return null;
  const { stream: { lookback }, logicalDate } = request;
  const [old, next] = [boundLiteral(cursor.family, stands), boundLiteral(cursor.family, upper)];
  const lower = lookback === undefined ? old : widened(cursor, request, old);
  // With lookback the rows before the checkpoint are read again even where none came after it: that is what finds late ones.
  const late = cursor.family === 'integer' || lookback === undefined ? 'false' : `${atInstant({ ...cursor, digits: 6 }, `${quoteLiteral(logicalDate)}::timestamptz`, false)} <= ${old}${cursor.family === 'date' && readsToday(request.stream) ? ' - 1' : ''}`;
  const row = await connection.row(`SELECT (${lower})::text AS lower, ((${lower}) < ${next} AND ${next} >= ${old} AND NOT (${late}))::text AS open`);
  return row['open'] === 'true' ? row['lower']! : 'closed';
}

function widened(cursor: Cursor, { stream }: PlanRequest, old: string): string {
  const { lookback } = stream;
  const { family, zone } = cursor;
  if (typeof lookback !== 'string') return family === 'integer' ? `${old} - ${lookback}` : family === 'date' ? `${old} - ${Math.ceil(lookback! / day)}` : `${old} - interval '${lookback} milliseconds'`;
  switch (family) {
    case 'integer': throw new ConfigurationError(`planning stream "${stream.stream}": lookback "${lookback}" needs a date or timestamp cursor; give a number of units`, { stream: stream.stream });
    // The day before an exclusive bound is the last one touched, and may have been read while it ran.
    case 'date': return `date_trunc('${lookback}', ${old}${readsToday(stream) ? ' - 1' : ''})::date`;
    case 'timestamp': return `date_trunc('${lookback}', ${old})`;
    case 'timestamptz': return `date_trunc('${lookback}', ${old}, ${zone ?? "'UTC'"})`;
  }
}

/** Whether rows without a cursor are read; refuses them where they would be missed or doubled. */
async function nullsToRead(connection: PostgresConnection, table: SourceTable, { stream, nullCursor, write }: StreamSpec, { column, nullable }: Cursor): Promise<boolean> {
  const policy = nullCursor ?? (write === 'append' ? 'fail' : 'include');
  if (policy === 'exclude' || !nullable) return false;
  const { some } = await connection.row(`SELECT EXISTS (SELECT 1 FROM ${table.from} WHERE ${column} IS NULL)::text AS some`);
  if (some === 'false' || policy === 'include') return some === 'true';
  throw new SourceHeldError(`planning stream "${stream}": some rows have no value in the cursor ${column}; they would be missed or read again and again: set null_cursor: exclude, or give them a value, then "millrace resume RUN"`, { stream });
}

/** Counted only where there are such rows, since without an index it is a walk through the table. */
async function beyond(connection: PostgresConnection, table: SourceTable, { column, family }: Cursor, upper: string, newest: string): Promise<readonly string[]> {
  const bound = boundLiteral(family, upper);
  const { some } = await connection.row(`SELECT (${boundLiteral(family, newest)} >= ${bound})::text AS some`);
  if (some === 'false') return [];
  const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${table.from} WHERE ${column} >= ${bound}`);
  return [`${n} rows lie at or beyond ${upper} and are left for a later run`];
}
