import type { Contract } from './contract';
import type { JsonObject } from './json';
import type { Retention } from './retention';
import type { ScheduleSpec } from './schedule';

export const modes = ['full', 'incremental', 'cdc'] as const;
export type Mode = (typeof modes)[number];
export const writes = ['append', 'replace', 'merge', 'delete_insert', 'scd2'] as const;
export type Write = (typeof writes)[number];
export const onErrors = ['reject', 'null', 'fail', 'keep'] as const;
export type OnError = (typeof onErrors)[number];
export const onFails = ['block', 'warn', 'quarantine', 'approve'] as const;
export type OnFail = (typeof onFails)[number];
export const nullCursors = ['include', 'exclude', 'fail'] as const;
export type NullCursor = (typeof nullCursors)[number];

/** One entry of `steps:` or `checks:`, options already parsed by its own schema. */
export interface NamedOptions {
  readonly name: string;
  readonly options: JsonObject;
}

/** A check over the target as it stands once the rows are in it, within the publish. */
export const isAtDestination = ({ options }: NamedOptions): boolean => options['at'] === 'destination';

/** One stream, every default filled in. Durations are whole milliseconds. */
export interface StreamSpec {
  readonly stream: string;
  readonly query?: string;
  readonly to: string;
  readonly mode: Mode;
  readonly write: Write;
  readonly key: readonly string[];
  /** `column [asc|desc]`; which of two versions of a key is newer. */
  readonly orderBy?: string;
  readonly cursor?: string;
  readonly cursorTimezone?: string;
  readonly cursorChanges: 'always' | 'never';
  /** Milliseconds, or a calendar period that lo is widened to. */
  readonly lookback?: number | 'day' | 'month' | 'year';
  readonly nullCursor?: NullCursor;
  readonly settle: number;
  readonly settleOnTimeout: 'hold_back' | 'proceed';
  readonly partition: { readonly rows: number };
  /** delete_insert: the columns whose staged values are replaced, or the cursor window. */
  readonly by?: readonly string[] | 'window';
  readonly changedFile?: 'reload' | 'fail' | 'ignore' | 'follow';
  /** Column name → DuckDB type, overriding what is inferred or told by the source. */
  readonly types: Readonly<Record<string, string>>;
  readonly naming: 'snake_case' | 'keep';
  readonly snapshot: boolean;
  readonly keepPrevious: boolean;
  readonly allowEmpty: boolean;
  readonly visible: 'run' | 'batch';
  readonly lineage: boolean;
  readonly proof: 'full' | 'rows' | 'counts';
  /** Absent: new columns are added, and a type that the target cannot hold holds the run. */
  readonly contract?: Contract;
  /** Options of the source's and the destination's format for files: `{ name: 'csv', options: {…} }`. */
  readonly sourceFormat?: NamedOptions;
  readonly targetFormat?: NamedOptions;
  /** Destination settings that belong to one stream, such as `partition_by` of a lake table. */
  readonly partitionBy: readonly string[];
  /** Bytes aimed at per file of a lake table; absent: a file per batch. */
  readonly fileSize?: number;
  readonly steps: readonly NamedOptions[];
  readonly checks: readonly NamedOptions[];
}

/** A pipeline as it travels in workflow input: no secret, every word checked, every default filled in. */
export interface PipelineSpec {
  readonly pipeline: string;
  readonly description?: string;
  readonly source: string;
  readonly destination: string;
  readonly streams: readonly StreamSpec[];
  readonly limits: {
    /** Share of read rows that may be rejected, 0 to 1; null: no limit. */
    readonly rejects: number | null;
    /** Partitions in flight per run. */
    readonly concurrency: number;
  };
  readonly onFailure: 'hold' | 'fail';
  /** Absent: it runs when it is started. */
  readonly schedule?: ScheduleSpec;
  /** Absent: the defaults. */
  readonly retention?: Retention;
  /** `s3://bucket/prefix?…`, shared by workers on several machines; absent: what the worker was started with. */
  readonly staging?: string;
  /** Of the YAML text as written; in receipts. */
  readonly hash: string;
}

/** A table, or what else a connection reads, as it is read whole and written nowhere: for what steps look up, and for looking at it. */
export const readWhole = (table: string): StreamSpec => ({
  stream: table, to: table, mode: 'full', write: 'replace', key: [], cursorChanges: 'always', settle: 0, settleOnTimeout: 'hold_back', partition: { rows: 1_000_000 },
  types: {}, naming: 'keep', snapshot: false, keepPrevious: false, allowEmpty: true, visible: 'run', lineage: false, proof: 'counts', partitionBy: [], steps: [], checks: [],
});

/** Whether rows are staged with their position in the source, by which versions of a key are told apart when they are written. */
export const stagesPosition = ({ write }: StreamSpec): boolean => write === 'scd2';

/** Names of `stream: X` inside steps (join, lookup) and checks (relationships); streams run in the order these demand. */
export function referencedStreams({ steps, checks }: Pick<StreamSpec, 'steps' | 'checks'>): readonly string[] {
  const named = [...steps.map(({ options }) => options['stream']), ...checks.map(({ options }) => (options['to'] as JsonObject | undefined)?.['stream'])];
  return [...new Set(named.filter((name): name is string => typeof name === 'string'))];
}
