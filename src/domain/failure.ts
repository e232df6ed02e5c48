import type { Area, Disposition } from './errors';

/** What the first detail of a Temporal failure carries, so that workflows and client can tell errors apart without classes. */
export interface FailureDetail {
  readonly disposition: Disposition;
  readonly area: Area;
  readonly name: string;
}

/** Failure type of an activity that stopped because it was told to, not because something is wrong; it starts again at once. */
export const interruptedType = 'Interrupted';
/** Failure type of a run or stream that ended without success; its details hold the RunSummary. */
export const runFailedType = 'RunFailed';
/** Failure type of a run that was refused because another holds the pipeline. */
export const pipelineBusyType = 'PipelineBusy';
