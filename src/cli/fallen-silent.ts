import type { Pending } from './pending';
import { plural, spokenSeconds } from './words';

/** Work whose worker has told nothing of it for long: it went away, and the server gives the work to another one when the heartbeat has run out. */
export interface Silent {
  readonly activityIds: readonly string[];
  /** `4711@host`, as Temporal knows it. */
  readonly worker: string;
  /** ISO instant at which the last of their heartbeats runs out. */
  readonly until: string;
}

/** Workers tell every two seconds; this much is no delay on the way any more. Milliseconds. */
const longest = 7000;

export function silentOf(pending: readonly Pending[], now = Date.now()): Silent | null {
  const silent = pending.filter(({ state, heardAt, beatTimeout }) => (state === 'running' || state === 'stopping') && heardAt !== null && beatTimeout > longest && now - heardAt > longest);
  if (silent.length === 0) return null;
  const until = Math.max(...silent.map(({ heardAt, beatTimeout }) => heardAt! + beatTimeout));
  return { activityIds: silent.map(({ activityId }) => activityId), worker: [...new Set(silent.map(({ worker }) => worker))].join(', '), until: new Date(until).toISOString() };
}

/** `orders/0003/load and 2 more wait for the worker that went away (4711@host); its heartbeat runs out in at most 24 s, then another worker goes on` */
export function silentText({ activityIds: [first, ...others], worker, until }: Silent, now = Date.now()): string {
  const what = others.length === 0 ? `${first} waits` : `${first} and ${plural(others.length, 'other')} wait`;
  return `${what} for the worker that went away (${worker}); its heartbeat runs out in at most ${spokenSeconds(Math.max(1, (Date.parse(until) - now) / 1000))}, then a worker that is there goes on`;
}
