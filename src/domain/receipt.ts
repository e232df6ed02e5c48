import type { Approval } from './approval';
import type { BalanceLine, Totals } from './balance';
import type { Drift } from './contract';
import type { Gap } from './gap';
import type { RunRef } from './ids';
import type { QuarantineFile } from './batch';
import type { StagedFile } from './manifest';
import type { Position, Window } from './position';
import type { StreamProof } from './stream-proof';

/** What a load returns: the ledger row. */
export interface LoadReceipt {
  readonly batchId: string;
  /** The ledger's number, `_millrace_batch_id` in the rows. Text of a bigint. */
  readonly batchNumber: string;
  /** The destination's own count. */
  readonly rows: number;
  /** True where an earlier attempt had loaded it. */
  readonly alreadyLoaded: boolean;
}

/** What publish returns; stored with the checkpoint, so a second call returns the same. */
export interface PublishReceipt {
  readonly fence: number;
  readonly version: number;
  readonly batches: number;
  /** Rows of this run now in the target, counted by batch id. */
  readonly rows: number;
  /** Rows that a merge found equal and did not write again. */
  readonly deduplicated: number;
  /** Rows of earlier batches taken away or replaced; beside the equation. */
  readonly deleted: number;
  /** Rows that only the target shows to be wrong, such as late versions; they are in `quarantine`. Absent: none. */
  readonly rejected?: number;
  readonly quarantine?: readonly QuarantineFile[];
  /** scd2: versions that ended because a newer one came or their key was missing. */
  readonly ended?: number;
  /** What a person should know of this publish. */
  readonly notes?: readonly string[];
  /** Of checks that looked at the target before the publish was final. Absent: there were none. */
  readonly checks?: readonly CheckResultLine[];
  readonly position: Position;
  /** Position before this publish, for a rollback. Absent or null: it was the first. */
  readonly before?: Position | null;
}

export interface CheckResultLine {
  readonly check: string;
  readonly onFail: string;
  readonly passed: boolean;
  readonly failingRows: number;
  /** `row_count is 0, must be greater than 0`. */
  readonly message: string;
  /** Its options as the pipeline has them: `column: total, min: 0`; long ones are cut. Absent: it has none, or the receipt is of an earlier version. */
  readonly rule?: string;
  /** What the measure was held against: `must be greater than 0`. */
  readonly expected?: string;
  /** The same check with the same options has the same id in every run. */
  readonly id?: string;
  /** Over the target, within the publish; absent: over the staged rows. */
  readonly at?: 'destination';
  /** What it measured, as text of a number; later runs compare with it. */
  readonly measured?: string;
}

/** The gate's answer; `<stream>/check-report.json`. */
export interface CheckReport {
  readonly stream: string;
  readonly totals: Totals;
  readonly lines: readonly BalanceLine[];
  readonly checks: readonly CheckResultLine[];
  /** Some of the rows that fail checks of single rows, in quarantine. Absent: none fails. */
  readonly samples?: StagedFile;
  /** Empty: the stream may be published. */
  readonly blockedBy: readonly string[];
}

export const runStates = [
  'queued', 'running', 'pausing', 'paused', 'stalled', 'waiting_approval', 'held', 'succeeded', 'succeeded_with_rejects', 'failed', 'cancelled',
] as const;
export type RunState = (typeof runStates)[number];

export interface StreamSummary {
  readonly stream: string;
  readonly to: string;
  readonly state: RunState;
  readonly totals: Totals;
  readonly lines: readonly BalanceLine[];
  readonly batches: number;
  readonly window: Window | null;
  readonly checks: readonly CheckResultLine[];
  readonly notes: readonly string[];
  readonly deleted: number;
  /** Null: nothing was published. Absent in receipts of earlier versions. */
  readonly proof?: StreamProof | null;
  readonly error: { readonly message: string; readonly area: string } | null;
  /** What a person let pass at the gate. */
  readonly approvals?: readonly Approval[];
  /** What is skipped and not loaded yet, of this run and of earlier ones. */
  readonly gaps?: readonly Gap[];
  /** What differed from the columns last published. Absent: nothing. */
  readonly drift?: readonly Drift[];
}

/** The end of the value chain: `<run>/receipt.json`, immutable, chained by hash to the pipeline's previous one. */
export interface RunSummary {
  readonly run: RunRef;
  readonly state: RunState;
  readonly streams: readonly StreamSummary[];
  readonly totals: Totals;
  readonly pipelineHash: string;
  readonly finishedAt: string;
  readonly version: string;
  readonly previous: string | null;
  readonly hash: string;
}
