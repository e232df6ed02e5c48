/**
 * Errors are classes with a `disposition` (what the run does next) and `facts` (what an operator needs).
 * Match with `EtlError.is`: it reads a marker, which holds across Jest realms and the workflow sandbox, where
 * `instanceof` does not. Messages follow one form: gerund, object, quoted facts, next step. They carry no secret and no row value.
 */
const marker = Symbol.for('millrace.error');

/**
 * retry: a later attempt may succeed. fail: it cannot. hold: it can, once a person has mended what the message names.
 * approve: it goes on once a person lets it pass; the work is called again with that approval.
 */
export const dispositions = ['retry', 'fail', 'hold', 'approve'] as const;
export type Disposition = (typeof dispositions)[number];

/** Which side of a run an error belongs to; the exit code follows it. */
export const areas = ['configuration', 'source', 'destination', 'check', 'internal'] as const;
export type Area = (typeof areas)[number];

export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export abstract class EtlError extends Error {
  readonly [marker] = true;
  abstract readonly disposition: Disposition;
  abstract readonly area: Area;
  /** Milliseconds after which it is worth trying again, where that is known: the wait is a timer of Temporal's. */
  readonly retryAfter?: number;

  constructor(message: string, readonly facts: Facts = {}) {
    super(message);
    this.name = new.target.name;
  }

  static is(error: unknown): error is EtlError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}

/** A pipeline, connection or setting that cannot be right, whatever is tried. */
export class ConfigurationError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'configuration';
}

/** A system cannot be reached or is short of something for the moment. */
export class SourceUnavailableError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'source';
}
export class DestinationUnavailableError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'destination';
}

/** The source asks to be left alone for a while; waiting is no failure, however often it is asked for. */
export class SourceThrottledError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'source';
  /** @param retryAfter milliseconds. */
  constructor(message: string, override readonly retryAfter: number) {
    super(message);
  }
}

/** The system answered and refuses: permission, a missing column, a changed file. A person mends it, then `millrace resume`. */
export class SourceHeldError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'source';
}
export class DestinationHeldError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'destination';
}

/** Another attempt holds a newer fence: this one must stop and write nothing more. */
export class FencedOffError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'destination';
}

/** Counts that must be equal are not: nothing is published (semantics: Balance). */
export class BalanceError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'check';
}

/** A check with `on_fail: block`, or `limits.rejects`, stopped the stream at its gate. */
export class CheckBlockedError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'check';
}

/** The source is no longer what the stream's contract allows: nothing was written. */
export class ContractRefusedError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'check';
}

/** What was found may be right, and only a person can tell: the stream waits for `approve` or `reject`. */
export class ApprovalNeededError extends EtlError {
  readonly disposition = 'approve';
  readonly area = 'check';
}

/** Staged files are missing or are not what their manifest says. */
export class StagingDamagedError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'internal';
}

/** The staging store does not answer for the moment. */
export class StagingUnavailableError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'internal';
}

/** Staging holds as much as the pipeline allows. */
export class StagingFullError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'internal';
}

/** This machine is short of something: disk, memory. */
export class WorkerShortError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'internal';
}

/** The disk is full: only a person can make room. */
export class DiskFullError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'internal';
}

/** A source, destination or step has failed again and again without getting further. */
export class NoProgressError extends EtlError {
  readonly disposition = 'hold';
  constructor(message: string, readonly area: Area) {
    super(message);
  }
}

/** Another process has a file that one process may open at a time. */
export class FileLockedError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'destination';
}

/** What Node says where a disk or a quota is full; null: it says something else. */
export function diskFull(error: unknown): DiskFullError | null {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return null;
  return new DiskFullError('writing to staging: the disk is full; free space or move MILLRACE_HOME, then "millrace resume RUN"');
}

/** A value does not fit the type that a file or table was planned with. A careful second reading finds which one. */
export class UnreadableValueError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'source';
}

/** A step's program or function does not come to an end: a person mends it, then `millrace resume`. */
export class StepFailedError extends EtlError {
  readonly disposition = 'hold';
  readonly area = 'configuration';
}
