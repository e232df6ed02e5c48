import { spokenDuration, type Overlap } from './schedule';

/** A time in which the schedule was paused. */
export interface Pause {
  readonly from: string;
  /** Null: still. */
  readonly to: string | null;
  readonly by: string;
  readonly why: string;
}

/** A run that the schedule started, as far as it is known. */
export interface ScheduledRun {
  readonly runId: string;
  /** The instant it was started for; ISO, whole seconds. */
  readonly nominal: string;
  readonly startedAt: string;
  /** Null: it is going on. */
  readonly endedAt: string | null;
  /** `succeeded`, `failed` …; `refused`: the pipeline's lock was taken by another run. */
  readonly state: string;
}

export const fates = ['ran', 'waiting', 'skipped', 'paused', 'missed'] as const;
export type Fate = (typeof fates)[number];

/** What became of one instant of a schedule. */
export interface InstantAccount {
  readonly at: string;
  readonly fate: Fate;
  readonly run: string | null;
  readonly why: string;
  /** The run that read this instant's rows, since it starts at the checkpoint; null: none has ended well yet. */
  readonly data: string | null;
}

export interface Accounting {
  readonly instants: readonly string[];
  readonly runs: readonly ScheduledRun[];
  readonly pauses: readonly Pause[];
  readonly overlap: Overlap;
  readonly now: string;
  /** Milliseconds. */
  readonly catchup: number;
}

const time = (instant: string): number => Date.parse(instant);
/** The server's own lag, generously: until then an instant counts as coming. */
const lag = 15_000;
const lateness = 5000;

/** Every instant, each with exactly one fate and its reason (semantics 14). */
export function accountFor(facts: Accounting): readonly InstantAccount[] {
  const runs = [...facts.runs].sort((left, right) => time(left.startedAt) - time(right.startedAt));
  const byInstant = new Map(runs.map((run) => [run.nominal, run]));
  return facts.instants.map((at) => {
    const run = byInstant.get(at) ?? null;
    const { fate, why } = run ? ranOf(run) : notRun(at, runs, facts);
    return { at, fate, why, run: run?.runId ?? null, data: carrierOf(at, runs) };
  });
}

function ranOf({ state, nominal, startedAt }: ScheduledRun): { readonly fate: Fate; readonly why: string } {
  if (state === 'refused') return { fate: 'skipped', why: 'another run of the pipeline was going on' };
  const late = time(startedAt) - time(nominal);
  return { fate: 'ran', why: late > lateness ? `${state}, started ${Math.round(late / 1000)} s late` : state };
}

function notRun(at: string, runs: readonly ScheduledRun[], facts: Accounting): { readonly fate: Fate; readonly why: string } {
  const moment = time(at);
  const pause = facts.pauses.find(({ from, to }) => time(from) <= moment && (to === null || moment < time(to)));
  if (pause) return { fate: 'paused', why: `by ${pause.by}${pause.why ? `: ${pause.why}` : ''}` };
  // Also through an outage: a run cannot end while the server is down, and the instant would have been skipped in any case.
  const before = runs.find((run) => time(run.nominal) < moment && (run.endedAt === null || moment <= time(run.endedAt)) && moment >= time(run.startedAt));
  if (before) return behind(before, at, time(before.startedAt), facts) ?? { fate: 'skipped', why: `overlap (${facts.overlap}): ${before.runId} was going on` };
  // Caught up after an outage: the instants that were young enough then were looked at together, and this one found an older one before it.
  const late = runs.find((run) => time(run.nominal) < moment && moment <= time(run.startedAt) && time(run.startedAt) - moment <= facts.catchup);
  if (late) return behind(late, at, time(late.nominal), facts) ?? { fate: 'skipped', why: `overlap: ${late.runId} was waiting to start` };
  if (time(facts.now) - moment < lag) return { fate: 'waiting', why: 'its time has just come' };
  return { fate: 'missed', why: `Temporal was down for longer than catchup (${spokenDuration(facts.catchup)})` };
}

/**
 * While a run is going on an instant waits or is skipped, as the overlap says; null: skipped. What waits when its turn comes in a pause is
 * dropped (verified). @param since instants after it were looked at with this run before them.
 */
function behind(run: ScheduledRun, at: string, since: number, { overlap, instants, now, runs, pauses }: Accounting): { readonly fate: Fate; readonly why: string } | null {
  const first = instants.find((other) => time(other) > since && !runs.some(({ nominal }) => nominal === other));
  if (overlap === 'skip' || (overlap === 'buffer_one' && first !== at)) return null;
  const ended = run.endedAt === null ? null : time(run.endedAt);
  if (ended === null || time(now) - ended < lag) return { fate: 'waiting', why: `starts when ${run.runId} has ended` };
  const pause = pauses.find(({ from, to }) => time(from) <= ended && (to === null || ended < time(to)));
  return pause ? { fate: 'paused', why: `by ${pause.by}${pause.why ? `: ${pause.why}` : ''}, while it waited for ${run.runId} to end` } : null;
}

/** A run reads from the checkpoint to its own instant, so the first later one that ended well has read this one's rows. */
const carrierOf = (at: string, runs: readonly ScheduledRun[]): string | null =>
  [...runs].sort((left, right) => time(left.nominal) - time(right.nominal)).find(({ nominal, state }) => time(nominal) >= time(at) && state.startsWith('succeeded'))?.runId ?? null;
