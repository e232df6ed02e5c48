import type { Column } from './column';
import type { ContractRule, Drift } from './contract';
import type { ProofPlan } from './fingerprint';
import type { Json } from './json';
import type { FileRecord, Position, Window } from './position';
import type { ReplayPlan } from './replay';

/** A bounded slice of a stream: one extraction. `detail` is the source's own word for the slice and reads the same rows again. */
export interface Partition {
  readonly ordinal: number;
  /** For people: `id 1 … 250000`, `flights.csv`. */
  readonly label: string;
  readonly detail: Json;
  readonly estimatedRows: number | null;
  /** Of a skipped partition that is loaded later: the window it was planned in; absent: the plan's. */
  readonly window?: Window | null;
}

/** What a source answers to `plan`: the upper bound is frozen in it, and its partitions cover the window exactly once. */
export interface SourcePlan {
  readonly columns: readonly Column[];
  /** Key of the stream where the source knows one. */
  readonly key: readonly string[];
  readonly window: Window | null;
  readonly partitions: readonly Partition[];
  /** Where the next run starts once this plan is published. */
  readonly position: Position;
  /** Source columns whose equal values lie in one partition, all of them together. Absent: there are none. */
  readonly partitionKey?: readonly string[];
  /** File sources: what becomes recorded with the publish. */
  readonly files: readonly FileRecord[];
  /** Files of an earlier run whose rows this run replaces (`changed_file: reload`). */
  readonly reloads: readonly string[];
  /** Rows land as the source's own COPY prints them, which some destinations can read as it is. Absent: another format. */
  readonly copyText?: boolean;
  /** What a person should know: held back watermark, rows beyond the cap, a table without a key. */
  readonly notes: readonly string[];
}

/** A value that a column of the target cannot hold. Its row is set aside after the last step. */
export interface Misfit {
  readonly column: string;
  /** Condition over the columns after all steps, as DuckDB has them. */
  readonly when: string;
  /** `is longer than 20 bytes`: follows the column's name; no row value in it. */
  readonly reason: string;
}

/** The one plan of a stream in a run: a small file at `<stream>/plan.json`, first writer wins. */
export interface Plan extends SourcePlan {
  readonly stream: string;
  /** Names of `columns` inside Millrace and the destination, in the same order (`naming`). */
  readonly names: readonly string[];
  /** Columns after all steps: what the destination receives. */
  readonly target: readonly Column[];
  /** True where a step needs the whole stream: batches are `…/all/00` from there. */
  readonly wholeStream: boolean;
  /** True where nothing is done to the rows on the way and the destination reads what the source printed: then that is loaded. */
  readonly passes: boolean;
  /** True where staged files become the destination's own: they carry the lineage column, numbered by `batchNumberOf`. */
  readonly stagesLineage: boolean;
  /** What differs from the columns last published, and is not left out by the steps. Absent: nothing. */
  readonly drift?: readonly Drift[];
  /** What the contract does to each batch before the first step. Absent: nothing. */
  readonly rules?: readonly ContractRule[];
  /** What the target cannot hold of the rows that come out of the steps. Absent: nothing, or the load refuses it. */
  readonly misfits?: readonly Misfit[];
  /** Columns that the target may widen. Absent: none. */
  readonly widens?: readonly string[];
  /** What a person must let pass before anything is loaded, for people. Absent: nothing. */
  readonly approval?: string;
  /** Loaded column that tells which of two versions of a key is newer (merge), or when a version begins (scd2). Absent: none. */
  readonly order?: string;
  /** Column before the steps that is loaded as `order`, since the steps drop it. Absent: they keep it. */
  readonly carries?: string;
  /** What the fingerprints of batches cover; null: rows are only counted (`proof: counts`). */
  readonly proof: ProofPlan | null;
  /** Of a replay. */
  readonly replay?: ReplayPlan;
  readonly fence: number;
  /** True where nothing was ever published to the target by this stream. */
  readonly firstLoad: boolean;
  readonly version: number;
  /** sha256 of the canonical JSON of all of the above. */
  readonly hash: string;
}

/** What the workflow carries of a plan. */
export interface PlanRef {
  readonly hash: string;
  readonly partitions: number;
  readonly wholeStream: boolean;
  readonly estimatedRows: number | null;
  readonly window: Window | null;
  readonly notes: readonly string[];
  /** What a person must let pass before anything is loaded. Absent: nothing. */
  readonly approval?: string;
}

/** The partition key by the names that columns have inside Millrace. */
export const partitionNames = ({ partitionKey = [], columns, names }: Pick<Plan, 'partitionKey' | 'columns' | 'names'>): readonly string[] =>
  partitionKey.map((name) => names[columns.findIndex((column) => column.name === name)] ?? name);

/** What is done with a partition, one after another. */
export const partStages = ['extract', 'transform', 'load'] as const;
export type PartStage = (typeof partStages)[number];
