import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { BackfillWindow } from '../domain/backfill';
import type { Totals } from '../domain/balance';
import type { RunRef } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import type { PlanRef } from '../domain/plan';
import type { RunState } from '../domain/receipt';

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
  /** Carried over a continue-as-new while queued. */
  readonly queuedTimes?: number;
}

export interface BackfillInput {
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  /** In order. */
  readonly windows: readonly BackfillWindow[];
  /** Carried over a continue-as-new. */
  readonly carried?: { readonly done: number; readonly read: number; readonly loaded: number; readonly rejected: number };
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
  /** Carried over a continue-as-new. */
  readonly carried?: { readonly plan: PlanRef; readonly done: readonly Range[]; readonly totals: StreamTotals };
}

/** Ordinals `[first, last]` of partitions that are done; a set of them stays small where they finish roughly in order. */
export type Range = readonly [first: number, last: number];

/** Running figures for people; the proof is made from artefacts, not from these. */
export interface StreamTotals {
  readonly extracted: number;
  readonly transformed: number;
  readonly loaded: number;
  readonly rejected: number;
}

export interface StreamOutcome {
  readonly stream: string;
  readonly state: 'published' | 'failed' | 'cancelled';
  readonly error: { readonly message: string; readonly area: string } | null;
}

export interface StreamProgress {
  readonly stream: string;
  readonly state: RunState;
  /** `plan`, `extract`, `load`, `check`, `publish`: the furthest stage reached. */
  readonly stage: string;
  readonly partitions: { readonly total: number; readonly done: number; readonly running: number };
  readonly totals: StreamTotals;
  readonly estimatedRows: number | null;
  /** Why it waits, and what to do; null while it works. */
  readonly message: string | null;
  readonly notes: readonly string[];
}

export interface RunProgress {
  readonly state: RunState;
  /** Null until the run has its generation. */
  readonly run: RunRef | null;
  /** In the order they start; `workflowId` answers `streamProgress` once started. */
  readonly streams: readonly { readonly stream: string; readonly to: string; readonly workflowId: string; readonly state: RunState; readonly message: string | null }[];
  readonly message: string | null;
  readonly totals?: Totals;
}

/** Stops launching; what runs stops at its next safe place and starts again on `resume`. */
export const pause = defineSignal('pause');
/** Ends a pause, and tries again what is held. */
export const resume = defineSignal('resume');
/** Ends the run as Cancelled after the batches in hand; the destination stays as the last commit made it. */
export const cancel = defineSignal('cancel');
/** Answered by a run. */
export const progress = defineQuery<RunProgress>('progress');
/** Answered by a stream of a run. */
export const streamProgress = defineQuery<StreamProgress>('streamProgress');
/** Answered by a backfill of several windows. */
export const backfillProgress = defineQuery<BackfillProgress>('backfillProgress');
/** Ends a lock. */
export const release = defineSignal('release');
