import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../../domain/control';
import type { PlanRequest } from '../connector';
import type { PostgresConnection } from './connection';
import { atInstant, boundLiteral, type Cursor } from './cursor';
import { quoteLiteral } from './quote';

export interface Settled {
  /** Null: nothing may be read. */
  readonly upper: string | null;
  readonly notes: readonly string[];
}

/** Name of sessions that only read: they hold no watermark back (semantics 4). */
export const readerName = 'millrace:read';

/**
 * Every open transaction that may still write, by its virtual id, which no later one has. A session that nothing is known of
 * counts; one without a user is autovacuum, which writes no rows and may run for hours.
 */
const openTransactions =
  "SELECT l.virtualxid AS id, 'process ' || l.pid AS who, a.xact_start::text AS since FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid " +
  "WHERE l.locktype = 'virtualxid' AND l.virtualxid = l.virtualtransaction AND l.pid <> pg_backend_pid() " +
  `AND coalesce(a.datname = current_database(), true) AND coalesce(a.application_name, '') <> '${readerName}' AND (a.pid IS NULL OR a.usesysid IS NOT NULL)`;

/** When a prepared transaction began is not recorded, only when it was prepared: so `since` stays unknown. */
const preparedTransactions =
  "SELECT 'prepared ' || gid AS id, 'prepared transaction ' || gid AS who, NULL AS since FROM pg_prepared_xacts WHERE database = current_database()";

type Open = readonly Record<string, string | null>[];

/** Waits until every transaction that ran when `upper` was taken has ended: it may still commit rows below it. */
export async function settle(connection: PostgresConnection, cursor: Cursor, request: PlanRequest, upper: string | null, control: Control): Promise<Settled> {
  if (upper === null) return { upper, notes: [] };
  const deadline = Date.now() + request.stream.settle;
  const before = new Set((await connection.rows(openTransactions)).map(({ id }) => id));
  for (;;) {
    // Asked in this order, a transaction that is prepared in between is in the second answer.
    const running = (await connection.rows(openTransactions)).filter(({ id }) => before.has(id!));
    const open = [...running, ...await connection.rows(preparedTransactions)];
    if (open.length === 0) return { upper, notes: [] };
    if (Date.now() >= deadline) return heldBack(connection, cursor, request, upper, open);
    await sleep(100, undefined, { signal: control.signal });
  }
}

/** Never past what an open transaction may still write: to when the oldest began where that is visible, else not at all. */
async function heldBack(connection: PostgresConnection, cursor: Cursor, { stream, position }: PlanRequest, upper: string, open: Open): Promise<Settled> {
  const note = `watermark held back by ${open.slice(0, 5).map(named).join(', ')}${open.length > 5 ? ` and ${open.length - 5} more` : ''}`;
  const old = position?.cursor ?? null;
  if (cursor.family === 'integer') {
    const proceed = stream.settleOnTimeout === 'proceed' && stream.lookback !== undefined;
    return proceed ? { upper, notes: [`${note}; read on, as settle_on_timeout says`] } : { upper: old, notes: [note] };
  }
  if (open.some(({ since }) => since === null)) return { upper: old, notes: [note] };
  const starts = open.map(({ since }) => `${quoteLiteral(since!)}::timestamptz`);
  const { bound } = await connection.row(`SELECT least(${boundLiteral(cursor.family, upper)}, ${starts.map((start) => atInstant(cursor, start, true)).join(', ')})::text AS bound`);
  return { upper: bound!, notes: [note] };
}

const named = ({ who, since, id }: Record<string, string | null>): string =>
  since ? `${who} since ${since}` : id!.startsWith('prepared ') ? `${who}: commit it or roll it back` : `${who}: since when is not visible; GRANT pg_read_all_stats to the role, to read up to its start`;
