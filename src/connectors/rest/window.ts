import { ConfigurationError } from '../../domain/errors';
import type { Window } from '../../domain/position';
import type { PlanRequest } from '../connector';
import type { RestStream } from './config';

/** Bounds are instants in whole seconds, as text. Nothing newer than `margin` is read, since it may still show up late. 'closed': there is nothing new. */
export function planWindow({ stream, position, logicalDate }: PlanRequest, { incremental }: Pick<RestStream, 'incremental'>): Window | 'closed' | null {
  if (stream.mode === 'full') return null;
  if (!incremental || !stream.cursor) throw new ConfigurationError(`planning stream "${stream.stream}": "mode: incremental" needs "incremental" with the parameter "since" at the stream in its connection; add it, or use "mode: full"`);
  const until = Math.min(Date.parse(logicalDate), Date.now() - incremental.margin * 1000);
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
