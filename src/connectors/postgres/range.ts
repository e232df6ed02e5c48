import type { BackfillWindow } from '../../domain/backfill';
import { ConfigurationError } from '../../domain/errors';
import type { PlanRequest } from '../connector';
import type { SourceTable } from './catalog';
import type { PostgresConnection } from './connection';
import { atInstant, cursorOf, windowSql, type Cursor } from './cursor';
import { quoteLiteral } from './quote';
import type { PlannedWindow } from '../planned-window';

/**
 * Exactly the window of a backfill, up to now. It needs no wait for open transactions: the checkpoint stays, so whatever is committed
 * later at or beyond it is read by the next run, and what lies before it was waited for when the checkpoint moved.
 */
export async function planRange(connection: PostgresConnection, table: SourceTable, { stream }: PlanRequest, { from, to }: BackfillWindow): Promise<PlannedWindow> {
  const cursor = cursorOf(table, stream);
  if (cursor.family === 'integer') throw new ConfigurationError(`planning the backfill of "${stream.stream}": its cursor "${cursor.name}" is a number, of which a range of time names no rows; load it again with "millrace run"`, { stream: stream.stream });
  const bounds = await connection.row(`SELECT lower::text, upper::text, (lower < upper)::text AS open FROM (SELECT ${exactly(cursor, from)} AS lower, least(${exactly(cursor, to)}, ${atInstant(cursor, 'now()', false)}) AS upper) bounds`);
  const [lower, upper] = [bounds['lower']!, bounds['upper']!];
  if (bounds['open'] !== 'true') return { window: null, empty: true, condition: 'false', nullsOf: null, notes: [`no value of "${cursor.name}" lies from ${from} to ${to} yet`] };
  return { window: { cursor: cursor.name, lower, upper }, empty: false, condition: windowSql(cursor.column, cursor.family, lower, upper), nullsOf: null, notes: [] };
}

/** An instant as a value of the cursor; without a stated zone, of UTC. */
function exactly({ family, zone }: Cursor, instant: string): string {
  const at = `${quoteLiteral(instant)}::timestamptz`;
  if (family === 'timestamptz') return at;
  const local = `(${at} AT TIME ZONE ${zone ?? "'UTC'"})`;
  return family === 'date' ? `${local}::date` : local;
}
