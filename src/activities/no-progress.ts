import { CancelledFailure, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { EtlError, NoProgressError } from '../domain/errors';

/** What is remembered from attempt to attempt, in the heartbeat. */
export interface Effort {
  /** Most rows that an attempt before this one has reached. */
  readonly best: number;
  /** Failed attempts in a row that got no further. */
  readonly idle: number;
  /** Since when; milliseconds of the clock. */
  readonly since: number;
}

/** Both must be used up. */
export interface ProgressBudget {
  readonly attempts: number;
  readonly milliseconds: number;
}

type Beat = Effort & { readonly rows: number };

const beats = new WeakMap<Context, Beat>();

/** What earlier attempts have come to. An interruption (shutdown, pause, reset) counts as none. */
export function effortOf(context: Context): Effort {
  const last = context.info.heartbeatDetails as Partial<Beat> | undefined;
  const { best = 0, idle = 0, since = Date.now(), rows = 0 } = last ?? {};
  return rows > best ? { best: rows, idle: 0, since: Date.now() } : { best, idle, since };
}

export const recordEffort = (context: Context, beat: Beat): void => { beats.set(context, beat); };

/** The error of an attempt, or, once its budget is used up, the hold that asks a person to look. */
export function withinBudget(error: unknown, context: Context, budget: ProgressBudget): unknown {
  if (!isTriedAgain(error, context)) return error;
  const beat = beats.get(context) ?? { ...effortOf(context), rows: 0 };
  const next: Beat = beat.rows > beat.best ? { ...beat, idle: 0, since: Date.now() } : { ...beat, idle: beat.idle + 1 };
  context.heartbeat(next);
  const waited = Date.now() - next.since;
  if (next.idle < budget.attempts || waited < budget.milliseconds) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new NoProgressError(`${message} (${next.idle} attempts in ${Math.round(waited / 60_000)} minutes got no further); mend that, then "millrace resume RUN"`, EtlError.is(error) ? error.area : 'internal');
}

function isTriedAgain(error: unknown, { cancellationSignal }: Context): boolean {
  if (cancellationSignal.aborted || error instanceof CancelledFailure) return false;
  // Waiting as the source has asked is no attempt that came to nothing.
  if (EtlError.is(error)) return error.disposition === 'retry' && error.retryAfter === undefined;
  return !(error instanceof ApplicationFailure && error.nonRetryable);
}
