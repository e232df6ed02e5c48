import type { BatchRef } from '../domain/batch';
import type { BackfillWindow } from '../domain/backfill';
import type { RunRef } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import type { PlanRef } from '../domain/plan';
import type { RunSummary } from '../domain/receipt';

/** What workflows know of activities. References travel; rows do not. */
export interface Activities {
  startRun(input: StartRunInput): Promise<StartRunOutput>;
  planStream(input: StreamInput): Promise<PlanRef>;
  extractPartition(input: PartitionInput): Promise<{ readonly rows: number; readonly bytes: number }>;
  transformBatch(input: PartitionInput): Promise<BatchRef>;
  transformStream(input: StreamInput): Promise<BatchRef>;
  loadBatch(input: LoadBatchInput): Promise<{ readonly rows: number }>;
  checkStream(input: StreamInput): Promise<{ readonly warnings: readonly string[] }>;
  publishStream(input: StreamInput): Promise<{ readonly rows: number }>;
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
}
export interface StartRunOutput {
  readonly run: RunRef;
  /** Queue of the workers that share the run's staging. */
  readonly queue: string;
  /** How soon a dead worker is noticed, `30s`. */
  readonly heartbeatTimeout: string;
}
export interface StreamInput {
  readonly run: RunRef;
  readonly stream: string;
}
export interface PartitionInput extends StreamInput {
  readonly ordinal: number;
}
export interface LoadBatchInput extends StreamInput {
  readonly ordinal: number | 'all';
}
export interface FinishRunInput {
  readonly run: RunRef;
  readonly cancelled: boolean;
  readonly outcomes: readonly { readonly stream: string; readonly state: 'published' | 'failed' | 'cancelled'; readonly error: { readonly message: string; readonly area: string } | null }[];
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
