import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TerminatedFailure } from '@temporalio/workflow';
import type { Disposition } from '../domain/errors';
import type { FailureDetail } from '../domain/failure';

/** The failure that an activity or child ended with, below Temporal's wrappers. */
export function causeOf(error: unknown): unknown {
  return (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause ? causeOf(error.cause) : error;
}

export interface Told {
  readonly message: string;
  readonly area: string;
  /** What comes next: `hold` and `approve` wait for a person. */
  readonly disposition: Disposition;
}

/** What a failure says to people, and whether a person can mend it. */
export function told(error: unknown): Told {
  const cause = causeOf(error);
  const detail = cause instanceof ApplicationFailure ? (cause.details?.[0] as FailureDetail | undefined) : undefined;
  return {
    message: cause instanceof TerminatedFailure ? 'it was terminated in Temporal itself; what it had loaded and not published is settled by the next run' : cause instanceof Error ? cause.message : String(cause),
    area: detail?.area ?? 'internal',
    disposition: detail?.disposition ?? 'fail',
  };
}
