import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import type { PlanRequest } from '../connector';
import type { PlannedWindow } from '../planned-window';
import type { Redshift } from './client';
import { atMoment, cursorOf, literal, momentOf, reckoned, stepAfter, told, windowSql, type Cursor } from './cursor';
import type { SourceTable } from './source-table';

const day = 86_400_000;
const deletes = 'rows deleted in the source are not seen by an incremental read';
const unseen = 'Redshift does not show the open transactions of others: rows younger than "settle" wait for the next run, and rows that are committed later than that are found by "lookback" only; give the stream one';

/** `[lower, upper)` of this run; upper never passes a value that can still be written (semantics 4). All arithmetic is the warehouse's. */
export async function planWindow(redshift: Redshift, table: SourceTable, request: PlanRequest): Promise<PlannedWindow> {
  const { stream, position, range } = request;
  if (range) return planRange(redshift, table, request);
  if (stream.mode === 'full' || !stream.cursor) return { window: null, empty: false, condition: 'true', nullsOf: null, notes: [] };
  const cursor = cursorOf(table, stream);
  const { upper, nulls, ahead } = await redshift.row(`SELECT ${told(cursor.family, upperSql(cursor, request))} AS upper, CAST(COUNT(*) - COUNT(${cursor.column}) AS VARCHAR) AS nulls, ${aheadSql(cursor, request)} AS ahead FROM ${table.from}`);
  const nullsOf = nullsToRead(stream, cursor, Number(nulls)) ? cursor.name : null;
  const notes = [deletes, ...(stream.lookback === undefined ? [unseen] : []), ...(Number(ahead) > 0 ? [`${ahead} rows lie beyond what can be read yet and are left for a later run`] : [])];
  const stands = position?.cursor ?? null;
  const lower = upper === null || stands === null ? null : await lowerBound(redshift, cursor, request, stands, upper!);
  if (upper === null || lower === 'closed') {
    const why = upper === null ? `"${cursor.name}" has no values to read yet` : `nothing new: "${cursor.name}" has been read up to ${stands}, the logical date is ${request.logicalDate}`;
    return { window: null, empty: true, condition: 'false', nullsOf: upper === null ? nullsOf : null, notes: [...notes, why] };
  }
  return { window: { cursor: cursor.name, lower, upper: upper! }, empty: false, condition: windowSql(cursor, lower, upper!), nullsOf, notes };
}

/** Null where there are no rows. What is younger than `settle` may still be joined by rows of transactions that are open. */
function upperSql(cursor: Cursor, request: PlanRequest): string {
  const { column, family } = cursor;
  const newest = newestSql(cursor);
  const next = stepAfter(family, reckoned(family, newest));
  return family === 'integer' ? next : `CASE WHEN COUNT(${column}) > 0 AND ${newest} IS NOT NULL THEN LEAST(${[next, ...capsOf(cursor, request)].join(', ')}) END`;
}

/** Without a stated zone a value that no clock on earth shows yet does not tell how late it is there. */
const newestSql = (cursor: Cursor): string =>
  (cursor.family === 'timestamp' && cursor.zone === null ? `MAX(CASE WHEN ${cursor.column} <= ${atMoment(cursor, 'GETDATE()')} THEN ${cursor.column} END)` : `MAX(${cursor.column})`);

function capsOf(cursor: Cursor, { stream, logicalDate }: PlanRequest): readonly string[] {
  const today = cursor.family === 'date' && readsToday(stream) ? ' + 1' : '';
  return [`DATEADD(second, ${-Math.ceil(stream.settle / 1000)}, GETDATE())`, momentOf(logicalDate)].map((moment) => `${atMoment(cursor, moment)}${today}`);
}

/** Rows that the clock or the logical date keeps out. */
const aheadSql = (cursor: Cursor, request: PlanRequest): string => (cursor.family === 'integer' ? "'0'"
  : `CAST(SUM(CASE WHEN ${reckoned(cursor.family, cursor.column)} >= LEAST(${capsOf(cursor, request).join(', ')}) THEN 1 ELSE 0 END) AS VARCHAR)`);

/** The running day can be read where it is read again tomorrow and its rows then meet themselves by their key. */
const readsToday = ({ lookback, key, by }: StreamSpec): boolean => lookback !== undefined && (typeof lookback === 'string' || lookback >= day) && (key.length > 0 || by !== undefined);

/** 'closed': nothing lies between what has been read and `upper`. */
async function lowerBound(redshift: Redshift, cursor: Cursor, request: PlanRequest, stands: string, upper: string): Promise<string | 'closed'> {
  const { stream, logicalDate } = request;
  const { family } = cursor;
  const [old, next] = [stands, upper].map((value) => reckoned(family, literal(family, value))) as [string, string];
  const lower = stream.lookback === undefined ? old : widened(cursor, request, old);
  // With lookback the rows before the checkpoint are read again even where none came after it: that is what finds late ones.
  const late = family === 'integer' || stream.lookback === undefined ? '' : ` AND ${atMoment(cursor, momentOf(logicalDate))} > ${old}${family === 'date' && readsToday(stream) ? ' - 1' : ''}`;
  const row = await redshift.row(`SELECT ${told(family, lower)} AS lower, CASE WHEN ${lower} < ${next} AND ${next} >= ${old}${late} THEN 'yes' ELSE 'no' END AS some`);
  return row['some'] === 'yes' ? row['lower']! : 'closed';
}

function widened({ family, zone }: Cursor, { stream }: PlanRequest, old: string): string {
  const { lookback } = stream;
  if (typeof lookback !== 'string') return family === 'integer' ? `${old} - ${lookback}` : family === 'date' ? `${old} - ${Math.ceil(lookback! / day)}` : `DATEADD(second, ${-Math.ceil(lookback! / 1000)}, ${old})`;
  if (family === 'integer') throw new ConfigurationError(`planning stream "${stream.stream}": lookback "${lookback}" needs a date or timestamp cursor; give a number of units`, { stream: stream.stream });
  // The day before an exclusive bound is the last one touched, and may have been read while it ran.
  if (family === 'date') return `CAST(DATE_TRUNC('${lookback}', ${old}${readsToday(stream) ? ' - 1' : ''}) AS DATE)`;
  return family === 'timestamptz' && zone ? `CONVERT_TIMEZONE(${zone}, 'UTC', DATE_TRUNC('${lookback}', CONVERT_TIMEZONE('UTC', ${zone}, ${old})))` : `DATE_TRUNC('${lookback}', ${old})`;
}

/** Whether rows without a cursor are read; refuses them where they would be missed or doubled. */
function nullsToRead({ stream, nullCursor, write }: StreamSpec, { column }: Cursor, rows: number): boolean {
  const policy = nullCursor ?? (write === 'append' ? 'fail' : 'include');
  if (policy === 'exclude' || rows === 0) return false;
  if (policy === 'include') return true;
  throw new SourceHeldError(`planning stream "${stream}": ${rows} rows have no value in the cursor ${column}; they would be missed or read again and again: set null_cursor: exclude, or give them a value, then "millrace resume RUN"`, { stream });
}

/** Exactly the window of a backfill, up to now. The checkpoint stays, so whatever is committed later is read by the next run. */
async function planRange(redshift: Redshift, table: SourceTable, { stream, range }: PlanRequest): Promise<PlannedWindow> {
  const cursor = cursorOf(table, stream);
  const { family, zone, name } = cursor;
  if (family === 'integer') throw new ConfigurationError(`planning the backfill of "${stream.stream}": its cursor "${name}" is a number, of which a range of time names no rows; load it again with "millrace run"`, { stream: stream.stream });
  const exactly = (instant: string) => atMoment({ ...cursor, zone: zone ?? "'UTC'" }, momentOf(instant));
  const [lower, upper] = [exactly(range!.from), `LEAST(${exactly(range!.to)}, ${atMoment(cursor, 'GETDATE()')})`];
  const bounds = await redshift.row(`SELECT ${told(family, lower)} AS lower, ${told(family, upper)} AS upper, CASE WHEN ${lower} < ${upper} THEN 'yes' ELSE 'no' END AS some`);
  if (bounds['some'] !== 'yes') return { window: null, empty: true, condition: 'false', nullsOf: null, notes: [`no value of "${name}" lies from ${range!.from} to ${range!.to} yet`] };
  return { window: { cursor: name, lower: bounds['lower']!, upper: bounds['upper']! }, empty: false, condition: windowSql(cursor, bounds['lower']!, bounds['upper']!), nullsOf: null, notes: [] };
}
