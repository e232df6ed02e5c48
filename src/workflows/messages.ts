import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Approval } from '../domain/approval';
import type { BackfillWindow } from '../domain/backfill';
import type { Totals } from '../domain/balance';
import type { RunRef } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import type { PartStage, PlanRef } from '../domain/plan';
import type { RunState } from '../domain/receipt';
import type { ReplayRequest } from '../domain/replay';

/** What a run is started with. Carries names of connections, never their contents. */
export interface RunPipelineInput {
  readonly spec: PipelineSpec;
  /** ISO instant in whole seconds. Absent in runs of a schedule: it is the instant that the schedule named. */
  readonly logicalDate?: string;
  /** Read exactly this window and leave the checkpoint where it is. */
  readonly backfill?: BackfillWindow;
  /** Absolute path of connections.yaml on the workers. */
  readonly connectionsFile: string;
  /** Another run holds the pipeline: end at once, or wait. Attaching is the client's business. */
  readonly whenHeld: 'refuse' | 'queue';
  readonly allowDestructive: boolean;
  /** Whether the server knows Millrace's search attributes; the client has asked. Setting one that it lacks would fail every workflow task. */
  readonly searchAttributes?: boolean;
  /** Reads what earlier runs skipped, and nothing else (`retry --gaps`). */
  readonly gaps?: boolean;
  /** Loads rows that another run rejected, and nothing else (`quarantine replay`). */
  readonly replay?: ReplayRequest;
  /** Carried over a continue-as-new while queued: how often it has looked, and what a person has asked of it meanwhile. */
  readonly queuedTimes?: number;
  readonly asked?: { readonly pause: PauseRequest | null; readonly concurrency: number };
}

export interface BackfillInput {
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  /** In order. */
  readonly windows: readonly BackfillWindow[];
  /** As in `RunPipelineInput`: of each window's run. */
  readonly searchAttributes?: boolean;
  /** Carried over a continue-as-new. */
  readonly carried?: { readonly done: number; readonly read: number; readonly loaded: number; readonly rejected: number };
}

export interface CleanUpInput {
  /** Only tell. */
  readonly dryRun: boolean;
}

export interface BackfillProgress {
  readonly windows: number;
  readonly done: number;
  readonly read: number;
  readonly loaded: number;
  readonly rejected: number;
  /** Workflow id of the run of the window at hand. */
  readonly current: string | null;
}

export interface LoadStreamInput {
  readonly run: RunRef;
  readonly stream: string;
  /** Partitions in flight. */
  readonly window: number;
  readonly onFailure: 'hold' | 'fail';
  readonly heartbeatTimeout: string;
  readonly paused: boolean;
  readonly searchAttributes?: boolean;
  /** Carried over a continue-as-new. */
  readonly carried?: CarriedStream;
}

export interface CarriedStream {
  readonly plan: PlanRef;
  readonly done: readonly Range[];
  readonly totals: StreamTotals;
  readonly skipped: readonly number[];
  /** Partition → its generation, where it was read again. */
  readonly rereads: Readonly<Record<number, number>>;
  readonly held: readonly { readonly partition: number; readonly message: string }[];
  readonly approvals: readonly Approval[];
  /** Where loading waits, or waited, for a person: partitions that are staged, and whether the word was given. */
  readonly approving?: { readonly staged: readonly Range[]; readonly approved: boolean };
}

/** Ordinals `[first, last]` of partitions that are done; a set of them stays small where they finish roughly in order. */
export type Range = readonly [first: number, last: number];

/** Running figures for people; the proof is made from artefacts, not from these. */
export interface StreamTotals {
  readonly extracted: number;
  readonly transformed: number;
  readonly loaded: number;
  readonly rejected: number;
  /** Landed from the source. */
  readonly bytes: number;
  /** Attempts that failed or were stopped, of activities that have ended well since. */
  readonly retries: number;
}
export const noStreamTotals: StreamTotals = { extracted: 0, transformed: 0, loaded: 0, rejected: 0, bytes: 0, retries: 0 };

export interface StreamOutcome {
  readonly stream: string;
  readonly state: 'published' | 'failed' | 'cancelled';
  readonly error: { readonly message: string; readonly area: string } | null;
  readonly totals?: StreamTotals;
  /** What a person let pass at the gate. */
  readonly approvals?: readonly Approval[];
}

/** A piece of a stream that waits for a person. */
export interface Waiting {
  /** Null: the stream as a whole, in its current stage. */
  readonly partition: number | 'all' | null;
  readonly state: 'held' | 'waiting_approval';
  readonly message: string;
}

export interface StreamProgress {
  readonly stream: string;
  readonly state: RunState;
  /** `plan`, `extract`, `load`, `check`, `publish`: the furthest stage reached. */
  readonly stage: string;
  readonly partitions: {
    readonly total: number; readonly done: number; readonly running: number;
    /** Partitions that have begun and are not done, by what is done with them. */
    readonly stages: Readonly<Record<PartStage, number>>;
  };
  /** Partitions in flight at most. */
  readonly window: number;
  readonly totals: StreamTotals;
  readonly estimatedRows: number | null;
  /** Why it waits, and what to do; null while it works. */
  readonly message: string | null;
  readonly waiting: readonly Waiting[];
  readonly notes: readonly string[];
}

/** What a stream tells its run when it begins or ceases to wait for a person, and in answer to an order. */
export interface StreamReport {
  readonly stream: string;
  readonly state: RunState;
  readonly stage: string;
  readonly message: string | null;
  readonly waiting: readonly Waiting[];
  readonly answers: readonly { readonly order: number; readonly refusal: string | null }[];
}

export interface RunProgress {
  readonly state: RunState;
  /** Null until the run has its generation. */
  readonly run: RunRef | null;
  /** In the order they start; `workflowId` answers `streamProgress` once started. */
  readonly streams: readonly {
    readonly stream: string; readonly to: string; readonly workflowId: string; readonly state: RunState; readonly message: string | null; readonly waiting: readonly Waiting[];
  }[];
  readonly message: string | null;
  /** Partitions in flight, all streams together. */
  readonly concurrency: number;
  /** Queue of the workers that share the run's staging, and the one that began it; null until the run has started. */
  readonly queue: string | null;
  readonly worker: string | null;
  readonly totals?: Totals;
}

/** Number of an order from a run to its stream, which the stream's report answers; absent where a person sent it. */
interface Order {
  readonly order?: number;
}
/** Who asks and why: for the receipt. */
interface Asked {
  readonly by?: string;
  readonly reason?: string;
}
export interface PauseRequest extends Asked {
  /** ISO instant at which the run resumes by itself. */
  readonly until?: string;
}
export interface CancelRequest extends Asked {
  /** Stop what runs; without it the activities in hand end first. */
  readonly now?: boolean;
  /** Take back what the run has committed and not published. */
  readonly rollback?: boolean;
}
export interface RetryRequest extends Asked {
  /** Absent: everything that is held. */
  readonly stream?: string;
  readonly partition?: number;
  /** Ask the source again instead of using what was landed. */
  readonly reread?: boolean;
}
export interface SkipRequest extends Asked {
  readonly stream: string;
  readonly partition: number;
  readonly reason: string;
}
export interface ApprovalRequest extends Asked {
  /** Absent: every stream that waits for an approval. */
  readonly stream?: string;
}
export interface SetConcurrencyRequest extends Asked {
  readonly concurrency: number;
}

/** Signals of a run and of each of its streams. Stops launching; what runs stops at its next safe place and starts again on `resume`. */
export const pause = defineSignal<[(PauseRequest & Order)?]>('pause');
/** Ends a pause, and tries again what is held. */
export const resume = defineSignal<[(Asked & Order)?]>('resume');
/** Ends the run as Cancelled; the destination stays as the last commit made it. */
export const cancel = defineSignal<[(CancelRequest & Order)?]>('cancel');

/** Updates of a run: refused at once where they cannot be right, answered with the state that results. */
export const setConcurrency = defineUpdate<RunProgress, [SetConcurrencyRequest]>('setConcurrency');
export const retryPartition = defineUpdate<RunProgress, [RetryRequest?]>('retryPartition');
export const skipPartition = defineUpdate<RunProgress, [SkipRequest]>('skipPartition');
export const approve = defineUpdate<RunProgress, [ApprovalRequest?]>('approve');
export const reject = defineUpdate<RunProgress, [ApprovalRequest?]>('reject');

/** The same, passed on to a stream. */
export const setWindow = defineSignal<[Order & { readonly window: number }]>('setWindow');
export const retryPiece = defineSignal<[Order & RetryRequest]>('retryPartition');
export const skipPiece = defineSignal<[Order & SkipRequest]>('skipPartition');
export const approvePiece = defineSignal<[Order & Asked]>('approve');
export const rejectPiece = defineSignal<[Order & Asked]>('reject');
/** From a stream to its run. */
export const streamReport = defineSignal<[StreamReport]>('streamReport');

/** Answered by a run. */
export const progress = defineQuery<RunProgress>('progress');
/** Answered by a stream of a run. */
export const streamProgress = defineQuery<StreamProgress>('streamProgress');
/** Answered by a backfill of several windows. */
export const backfillProgress = defineQuery<BackfillProgress>('backfillProgress');
/** Ends a lock. */
export const release = defineSignal('release');
