import type { Column, StreamSchema } from '../domain/column';
import type { RunRef } from '../domain/ids';
import type { LedgerEntry } from '../domain/ledger';
import type { PipelineSpec, StreamSpec } from '../domain/pipeline';
import type { Position, Window } from '../domain/position';
import type { PreviewRef } from '../domain/preview';
import type { VerifyReport } from '../domain/verify-report';

/** Activities that look: all but one claim, create and change nothing. */
export interface SeeingActivities {
  discoverStreams(input: DiscoverInput): Promise<Discovered>;
  describeRun(input: DescribeRunInput): Promise<readonly PlannedStream[]>;
  previewPipeline(input: PreviewInput): Promise<PreviewRef>;
  /** Compares what a run, or all runs of a pipeline, loaded with what is there. */
  verifyRun(input: VerifyRunInput): Promise<VerifyReport>;
  readState(input: ReadStateInput): Promise<readonly StreamState[]>;
  /** The one of these that writes: a checkpoint, under a claim. */
  changeState(input: ChangeStateInput): Promise<StreamState>;
  examineWorker(input: ExamineInput): Promise<Examined>;
  traceBatch(input: TraceInput): Promise<Traced | null>;
  /** Removes what a preview left in staging. */
  sweepPreview(input: { readonly id: string; readonly staging?: string }): Promise<void>;
}

export interface VerifyRunInput {
  /** A run's id, or a pipeline's name for all its runs that rows are still of. */
  readonly word: string;
  /** Ask the source of the run, or of the last one, too. */
  readonly source: boolean;
}

export interface DiscoverInput {
  /** Absolute path on the workers. */
  readonly connectionsFile: string;
  readonly connection: string;
  /** Only streams whose name contains it. */
  readonly filter: string | null;
}
export interface Discovered {
  readonly streams: readonly StreamSchema[];
  /** Names of further streams, whose columns were left out for size. */
  readonly further: readonly string[];
  readonly total: number;
}

export interface DescribeRunInput {
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  readonly logicalDate: string;
  readonly allowDestructive: boolean;
}
/** What a run started now would do to one stream. */
export interface PlannedStream {
  readonly stream: string;
  readonly to: string;
  readonly mode: string;
  readonly write: string;
  /** Null: the checkpoint cannot be read without claiming it. */
  readonly checkpoint: { readonly position: Position | null; readonly version: number; readonly holder: string | null } | null;
  readonly window: Window | null;
  readonly partitions: { readonly count: number; readonly labels: readonly string[] };
  readonly estimatedRows: number | null;
  readonly columns: readonly Pick<Column, 'name' | 'type'>[];
  readonly wholeStream: boolean;
  readonly statements: readonly string[];
  readonly destructive: readonly string[];
  /** What differs from the columns last published, and what the contract makes of it. */
  readonly drift: { readonly differences: readonly string[]; readonly outcome: string | null };
  readonly rollback: { readonly can: boolean; readonly why: string };
  readonly notes: readonly string[];
  /** Why a run would not get past here; null: it would. */
  readonly problem: { readonly message: string; readonly area: string } | null;
}

export interface PreviewInput {
  /** Names the files in staging. */
  readonly id: string;
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  /** Streams to show; others are read where these refer to them. */
  readonly streams: readonly string[];
  /** Rows read per stream, and rows shown per step. */
  readonly sample: number;
  readonly shown: number;
}

export interface ExamineInput {
  /** Null: none to resolve. */
  readonly connectionsFile: string | null;
}
export interface Examined {
  readonly version: string;
  readonly pid: number;
  readonly node: string;
  readonly staging: string;
  readonly home: string;
  readonly slots: number;
  readonly threadPoolSize: number;
  readonly memoryLimit: string;
  readonly freeBytes: number;
  /** The worker's clock. */
  readonly now: string;
  /** Null: a file can be written to staging. */
  readonly staged: string | null;
  readonly connections: readonly { readonly connection: string; readonly problem: string | null }[];
}

export interface TraceInput {
  readonly connectionsFile: string;
  readonly connection: string;
  readonly run: RunRef;
  readonly stream: StreamSpec;
  /** `_millrace_batch_id`. */
  readonly batchNumber: string;
}
export type Traced = LedgerEntry;

export interface ReadStateInput {
  readonly run: RunRef;
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
}
export interface ChangeStateInput extends ReadStateInput {
  readonly stream: string;
  readonly change: 'set' | 'rewind' | 'drop_gap' | 'adopt';
  /** Of `adopt`: the stream whose place it takes; absent: it adds its rows beside those that are there. */
  readonly from?: { readonly pipeline: string; readonly stream: string };
  /** Null: from the beginning. */
  readonly cursor: string | null;
  /** Partition or label of the gap to drop. */
  readonly gap: string | null;
  readonly by: string;
  readonly why: string;
}
export interface StreamState {
  readonly stream: string;
  readonly to: string;
  /** Null: never claimed. */
  readonly checkpoint: {
    readonly cursor: string | null; readonly version: number; readonly fence: number; readonly holder: string | null; readonly publishedAt: string | null;
    readonly files: number; readonly gaps: readonly { readonly partition: string; readonly label: string }[];
  } | null;
}
