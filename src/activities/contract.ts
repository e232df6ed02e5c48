import type { Approval } from '../domain/approval';
import type { BatchRef } from '../domain/batch';
import type { BackfillWindow } from '../domain/backfill';
import type { RunRef } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import type { PlanRef } from '../domain/plan';
import type { RunSummary } from '../domain/receipt';
import type { ReplayRequest } from '../domain/replay';

/** The worker adds it to what an activity of a run gives: from 1. */
export interface Attempted {
  readonly attempt?: number;
}

/** What workflows know of activities. References travel; rows do not. */
export interface Activities {
  startRun(input: StartRunInput): Promise<StartRunOutput>;
  planStream(input: PlanStreamInput): Promise<PlanRef & Attempted>;
  /** Makes the target ready for a plan whose changes a person has let pass. */
  prepareTarget(input: StreamInput): Promise<void>;
  extractPartition(input: PartitionInput): Promise<{ readonly rows: number; readonly bytes: number } & Attempted>;
  transformBatch(input: PartitionInput): Promise<BatchRef & Attempted>;
  transformStream(input: StreamInput): Promise<BatchRef & Attempted>;
  loadBatch(input: LoadBatchInput): Promise<{ readonly rows: number } & Attempted>;
  checkStream(input: StreamInput): Promise<{ readonly warnings: readonly string[]; /** What only a person can let pass; absent or empty: nothing. */ readonly approval?: readonly string[] } & Attempted>;
  publishStream(input: PublishStreamInput): Promise<{ readonly rows: number } & Attempted>;
  /** Makes room for a partition's next generation: the source is asked again. */
  rereadPartition(input: Required<PartitionInput>): Promise<void>;
  /** Records that a partition is left out. */
  skipPartition(input: SkipPartitionInput): Promise<void>;
  /** Takes back what the run has committed and not published. */
  rollbackRun(input: { readonly run: RunRef }): Promise<RollbackRunOutput>;
  finishRun(input: FinishRunInput): Promise<RunSummary>;
  checkConnections(input: CheckConnectionsInput): Promise<readonly ConnectionCheck[]>;
}

export interface StartRunInput {
  readonly spec: PipelineSpec;
  readonly workflowId: string;
  /** Of the first execution in a chain of continue-as-new. */
  readonly executionId: string;
  readonly startedAt: string;
  readonly logicalDate: string;
  readonly backfill?: BackfillWindow;
  readonly connectionsFile: string;
  readonly allowDestructive: boolean;
  /** Loads what earlier runs skipped, and nothing else. */
  readonly gaps?: boolean;
  /** Loads rows that another run rejected, and nothing else. */
  readonly replay?: ReplayRequest;
}
export interface StartRunOutput {
  readonly run: RunRef;
  /** Queue of the workers that share the run's staging. */
  readonly queue: string;
  /** How soon a dead worker is noticed, `30s`. */
  readonly heartbeatTimeout: string;
  /** Machine and home of the worker that began the run, for people who look for it. */
  readonly worker?: string;
}
export interface StreamInput {
  readonly run: RunRef;
  readonly stream: string;
}
export interface PlanStreamInput extends StreamInput {
  /** Given by a person after an ApprovalNeededError. */
  readonly approval?: Approval;
}
/** As for a plan: `approval` lets checks of the target pass that wait for a person. */
export type PublishStreamInput = PlanStreamInput;
export interface PartitionInput extends StreamInput {
  readonly ordinal: number;
  /** Generation of the partition, from 2; absent: the first. */
  readonly reread?: number;
}
export interface LoadBatchInput extends StreamInput {
  readonly ordinal: number | 'all';
  readonly reread?: number;
}
export interface SkipPartitionInput extends PartitionInput {
  readonly by: string | null;
  readonly reason: string;
}
export interface RollbackRunOutput {
  /** Stream → why what it has published stays. */
  readonly kept: Readonly<Record<string, string>>;
}
export interface FinishRunInput {
  readonly run: RunRef;
  readonly cancelled: boolean;
  readonly outcomes: readonly {
    readonly stream: string; readonly state: 'published' | 'failed' | 'cancelled'; readonly error: { readonly message: string; readonly area: string } | null;
    readonly approvals?: readonly Approval[]; readonly note?: string;
  }[];
}
export interface CheckConnectionsInput {
  /** Absolute path on the workers. */
  readonly connectionsFile: string;
  readonly source: string;
  readonly destination: string;
}
/** One connection, tried by the worker. */
export interface ConnectionCheck {
  readonly connection: string;
  readonly side: 'source' | 'destination';
  readonly ok: boolean;
  /** What was tried, one line each; where it failed: what to grant or change. */
  readonly messages: readonly string[];
}
