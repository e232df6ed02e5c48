/** Places inside activities at which a test may kill the worker; each lies between two durable steps (semantics 17). */
export const killPoints = [
  'plan:after-claim', 'plan:after-plan',
  'extract:after-data', 'extract:after-manifest',
  'transform:after-data', 'transform:after-batch',
  'load:after-data', 'load:before-commit', 'load:after-commit',
  'check:after-report',
  'publish:before-claim-check', 'publish:before-commit', 'publish:after-commit',
  'finish:after-receipt',
] as const;
/** Of `millrace compact`, which no run does. */
export const compactKillPoints = ['compact:after-data', 'compact:after-manifest', 'compact:after-commit'] as const;
export type KillPoint = (typeof killPoints)[number] | (typeof compactKillPoints)[number];

/** What an activity hands to the code that works for it. */
export interface Control {
  /** Aborted on cancel, pause and shutdown: stop soon, leave nothing open. */
  readonly signal: AbortSignal;
  /** Cumulative figures of this attempt, for the heartbeat. Cheap: call it as often as you like. */
  progress(figures: { readonly rows?: number; readonly bytes?: number }): void;
  /** A named point is reached. Does nothing outside the crash tests. */
  reached(point: KillPoint): void;
}
