import { ConfigurationError, SourceHeldError, SourceThrottledError } from '../../domain/errors';
import type { Window } from '../../domain/position';
import type { PlanRequest } from '../connector';
import type { RestStream } from './config';
import { clockOf } from './rules';

/** Bounds are instants in whole seconds, as text. Nothing newer than `margin` is read, since it may still show up late. 'closed': there is nothing new. */
export function planWindow({ stream, position, logicalDate }: PlanRequest, { incremental }: Pick<RestStream, 'incremental'>, now = Date.now()): Window | 'closed' | null {
  if (stream.mode === 'full') return null;
  if (!incremental || !stream.cursor) throw new ConfigurationError(`planning stream "${stream.stream}": "mode: incremental" needs "incremental" with the parameter "since" at the stream in its connection; add it, or use "mode: full"`);
  const until = Math.min(Date.parse(logicalDate), now - incremental.margin * 1000);
  // Whole days, where the API cannot be told less: else the rest of the last one would be missed.
  const upper = floored(until, incremental.until !== undefined && incremental.format === 'date' ? 86_400_000 : 1000);
  const stands = position?.cursor == null ? null : Date.parse(position.cursor);
  if (stands !== null && upper <= stands) return 'closed';
  return { cursor: stream.cursor, lower: stands === null ? null : text(lookedBack(stands, stream.lookback)), upper: text(upper) };
}

const floored = (instant: number, step: number): number => Math.floor(instant / step) * step;
const text = (instant: number): string => new Date(instant).toISOString().replace(/\.\d+Z$/, 'Z');

/** One second more than asked: a bound may be meant to be outside, and records are known again by their key. */
function lookedBack(instant: number, lookback: PlanRequest['stream']['lookback']): number {
  const day = text(instant);
  switch (lookback) {
    case undefined: return instant - 1000;
    case 'day': return Date.parse(`${day.slice(0, 10)}T00:00:00Z`) - 1000;
    case 'month': return Date.parse(`${day.slice(0, 7)}-01T00:00:00Z`) - 1000;
    case 'year': return Date.parse(`${day.slice(0, 4)}-01-01T00:00:00Z`) - 1000;
    default: return instant - lookback - 1000;
  }
}

/** Clocks that differ by less are taken for equal: a server tells whole seconds. */
const sameClock = 5_000;
const longestAhead = 3_600_000;

/**
 * A bound that the server's own clock has not reached: what it writes until then would be passed over by this run and by the next one, which begins at the bound.
 * So a worker whose clock is ahead waits.
 */
export function awaitServer(name: string, window: Window | null, margin: number | undefined, headers: Headers): void {
  const there = clockOf(headers);
  if (window === null || margin === undefined || there === null) return;
  const ahead = Date.parse(window.upper) + margin * 1000 - there;
  if (ahead < sameClock) return;
  const what = `reading "${name}": the worker's clock is ${Math.ceil(ahead / 1000)} seconds ahead of the server's`;
  if (ahead > longestAhead) throw new SourceHeldError(`${what}; set it right, or have the server's mended, then cancel this run and run it again`);
  throw new SourceThrottledError(`${what}, which has not come to the end of what is to be read; the run goes on by itself when it has; set the clock right`, ahead);
}
