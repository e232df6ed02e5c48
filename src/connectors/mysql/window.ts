import { setTimeout as pause } from 'node:timers/promises';
import type { Control } from '../../domain/control';
import { ConfigurationError, EtlError, SourceHeldError } from '../../domain/errors';
import type { Window } from '../../domain/position';
import type { PlanRequest } from '../connector';
import type { MysqlConnection } from './connection';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { SourceTable } from './table';

type Family = 'integer' | 'date' | 'datetime' | 'timestamp';

export interface PlannedWindow {
  readonly window: Window | null;
  /** SQL condition; null: all rows. */
  readonly condition: string | null;
  readonly empty: boolean;
  readonly notes: readonly string[];
}

function familyOf(type: string, stream: string, cursor: string): Family {
  if (/^(tiny|small|medium|big)?int/.test(type)) return 'integer';
  if (type === 'date') return 'date';
  if (type.startsWith('datetime')) return 'datetime';
  if (type.startsWith('timestamp')) return 'timestamp';
  throw new ConfigurationError(`planning stream "${stream}": cursor "${cursor}" is ${type}; a cursor is an integer, a date, a datetime or a timestamp`, { stream });
}

const literal = (family: Family, value: string): string => (family === 'integer' ? value : quoteLiteral(value));
const day = 86_400_000;

/** `[lower, upper)` of an incremental read; upper never passes a value that can still be written (semantics 4). */
export async function planWindow(connection: MysqlConnection, table: SourceTable, request: PlanRequest, control: Control): Promise<PlannedWindow> {
  const { stream, position, logicalDate } = request;
  if (stream.mode === 'full') return { window: null, condition: null, empty: false, notes: [] };
  const cursor = stream.cursor!;
  const type = table.types[cursor];
  if (!type) throw new ConfigurationError(`planning stream "${stream.stream}": there is no cursor column "${cursor}"; columns: ${Object.keys(table.types).join(', ')}`, { stream: stream.stream });
  if (typeof stream.lookback === 'string') throw new ConfigurationError(`planning stream "${stream.stream}": lookback "${stream.lookback}" is not available with mysql yet; write a duration such as "1 day"`);
  const family = familyOf(type, stream.stream, cursor);
  if (family === 'datetime' && !['UTC', undefined].includes(stream.cursorTimezone)) throw new ConfigurationError(`planning stream "${stream.stream}": cursor_timezone is UTC with mysql as yet; use a timestamp column as cursor`);
  const column = quoteIdentifier(cursor);
  await refuseNulls(connection, table, request, column);
  const [now] = await connection.rows('SELECT CAST(UTC_TIMESTAMP(6) AS CHAR), CAST(UTC_DATE() AS CHAR)');
  const notes: string[] = ['rows deleted in the source are not seen by an incremental read'];
  const oldest = await settled(connection, request, control, notes);
  const [found] = await connection.rows(`SELECT ${nextOf(family, `MAX(${column})`)} FROM ${table.from}`);
  const next = found?.[0] ?? null;
  const caps = family === 'integer' ? [] : [family === 'date' ? now![1]! : now![0]!, atDate(family, logicalDate), ...(oldest === null ? [] : [family === 'date' ? oldest.slice(0, 10) : oldest])];
  const upper = next === null || (family === 'integer' && oldest !== null) ? null : [next, ...caps].reduce((least, value) => (family === 'integer' || padded(value) >= padded(least) ? least : value));
  const stands = position?.cursor ?? null;
  const ahead = upper !== null && (stands === null || (family === 'integer' ? BigInt(upper) > BigInt(stands) : padded(upper) > padded(stands)));
  if (upper === null || (!ahead && stream.lookback === undefined)) return { window: stands === null ? null : { cursor, lower: stands, upper: stands }, condition: 'FALSE', empty: true, notes };
  const end = ahead ? upper : stands!;
  const lower = stands === null ? null : stream.lookback === undefined ? stands : (await connection.rows(`SELECT ${widened(family, stands, stream.lookback)}`))[0]![0]!;
  const condition = `${lower === null ? '' : `${column} >= ${literal(family, lower)} AND `}${column} < ${literal(family, end)}`;
  return { window: { cursor, lower, upper: end }, condition: stream.nullCursor === 'include' && stands === null ? `(${condition} OR ${column} IS NULL)` : condition, empty: false, notes };
}

/** Fractions of any length compare as text. */
const padded = (value: string): string => (value.includes('.') ? value.padEnd(26, '0') : value.length > 10 ? `${value}.000000` : value);
const atDate = (family: Family, instant: string): string => (family === 'date' ? instant.slice(0, 10) : instant.slice(0, 19).replace('T', ' '));

const nextOf = (family: Family, value: string): string =>
  `CAST(${family === 'integer' ? `CAST(${value} AS DECIMAL(30,0)) + 1` : family === 'date' ? `${value} + INTERVAL 1 DAY` : `CAST(${value} AS DATETIME(6)) + INTERVAL 1 MICROSECOND`} AS CHAR)`;

const widened = (family: Family, stands: string, lookback: number): string =>
  family === 'integer' ? `CAST(${stands} - ${lookback} AS CHAR)` : family === 'date' ? `CAST(CAST(${quoteLiteral(stands)} AS DATE) - INTERVAL ${Math.ceil(lookback / day)} DAY AS CHAR)`
    : `CAST(CAST(${quoteLiteral(stands)} AS DATETIME(6)) - INTERVAL ${lookback * 1000} MICROSECOND AS CHAR)`;

async function refuseNulls(connection: MysqlConnection, table: SourceTable, { stream }: PlanRequest, column: string): Promise<void> {
  if (stream.nullCursor !== 'fail') return;
  const [some] = await connection.rows(`SELECT EXISTS (SELECT 1 FROM ${table.from} WHERE ${column} IS NULL)`);
  if (some?.[0] === '1') throw new SourceHeldError(`planning stream "${stream.stream}": some rows have no value in the cursor ${column}; they would be missed: set null_cursor: exclude, or give them a value, then "millrace resume RUN"`, { stream: stream.stream });
}

/**
 * Waits for transactions that are open now, since they may still write values below the bound; gives the start of the oldest that
 * is left after `settle`, in UTC. Who may not see them must read late rows again by `lookback`.
 */
async function settled(connection: MysqlConnection, { stream }: PlanRequest, control: Control, notes: string[]): Promise<string | null> {
  const ask = async (): Promise<readonly (readonly [string, string])[]> => {
    const rows = await connection.rows("SELECT CAST(trx_id AS CHAR), CAST(CONVERT_TZ(trx_started, @@global.time_zone, '+00:00') AS CHAR) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id <> CONNECTION_ID() AND trx_is_read_only = 0");
    return rows.map(([id, started]) => [id!, started ?? '1970-01-01 00:00:00'] as const);
  };
  let open: readonly (readonly [string, string])[];
  try {
    open = await ask();
  } catch (error) {
    if (!EtlError.is(error) || stream.lookback === undefined) throw new SourceHeldError(`planning stream "${stream.stream}": the user may not see open transactions, whose rows could be missed; grant PROCESS to it, or set "lookback"`, { stream: stream.stream });
    notes.push('open transactions are not visible: rows that are committed late are found by lookback only; grant PROCESS to see them');
    return null;
  }
  const started = new Set(open.map(([id]) => id));
  for (const until = Date.now() + stream.settle; started.size > 0 && Date.now() < until;) {
    await pause(500, undefined, { signal: control.signal });
    const still = new Set((await ask()).map(([id]) => id));
    for (const id of started) if (!still.has(id)) started.delete(id);
  }
  const left = open.filter(([id]) => started.has(id)).map(([, since]) => since).sort();
  if (left.length === 0 || stream.settleOnTimeout === 'proceed') return null;
  notes.push(`the upper bound is held back by a transaction that is open since ${left[0]} UTC`);
  return left[0]!;
}
