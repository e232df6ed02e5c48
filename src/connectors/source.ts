import type { BackfillWindow } from '../domain/backfill';
import type { Column, StreamSchema } from '../domain/column';
import type { Control } from '../domain/control';
import type { ProofColumn } from '../domain/fingerprint';
import type { JsonObject } from '../domain/json';
import type { LandingFile } from '../domain/manifest';
import type { NamedOptions, StreamSpec } from '../domain/pipeline';
import type { Partition, Plan, SourcePlan } from '../domain/plan';
import type { FileRecord, Position } from '../domain/position';
import type { Measured } from '../stores/checksum';
import type { CheckResult } from './check-result';

export interface PlanRequest {
  readonly stream: StreamSpec;
  /** Null: first load, or `mode: full`. */
  readonly position: Position | null;
  readonly files: readonly FileRecord[];
  /** ISO instant: timestamps and dates are read up to it (semantics 4). */
  readonly logicalDate: string;
  /** A backfill: exactly the rows whose cursor lies in it, whatever the checkpoint and lookback say, and none without a cursor. */
  readonly range?: BackfillWindow;
}

/** What one request of a partition gave: recorded with what leads on from it, so that another attempt need not ask again. */
export interface LandedPage {
  readonly files: readonly LandingFile[];
  /** The source's own words. */
  readonly state: JsonObject;
}

/** Pages of one partition by their number from 1: kept from attempt to attempt. */
export interface Pages {
  find(number: number): Promise<LandedPage | null>;
  /** Returns what is there afterwards, which another attempt may have recorded: go on from that. */
  record(number: number, page: LandedPage): Promise<LandedPage>;
}

/** Where `read` puts what a source gives. Names are unique to the attempt, so two attempts never write the same file. */
export interface Landing {
  /** A new, empty place in staging. `extension` without dot. `path` is absolute and local. */
  create(extension: string): Promise<{ readonly key: string; readonly path: string }>;
  /** Measures and checksums a file made by `create`, unless `measured` says what was written to it. `rows` is the source's own count. */
  seal(key: string, facts: { readonly rows: number; readonly format: NamedOptions; readonly origin: string }, measured?: Measured): Promise<LandingFile>;
  /** Absent: a preview, where nothing is kept. */
  readonly pages?: Pages;
}

export interface SampleRequest {
  readonly stream: StreamSpec;
  /** Rows wanted, at most. */
  readonly rows: number;
  /** Of the checkpoint, where there is one: it may pin what is otherwise inferred. */
  readonly position: Position | null;
}

/** Files on this machine with at least the first rows of a stream. */
export interface Sample {
  readonly columns: readonly Column[];
  readonly files: readonly { readonly path: string; readonly format: NamedOptions; readonly origin: string }[];
}

/**
 * A system that rows come from. One instance lives for one activity; `close` is always called.
 *
 * `plan` is called once per stream and run. It freezes the upper bound, writes nothing, and its partitions cover the
 * window `[lower, upper)` exactly once. Called twice on unchanged data it returns the same partitions.
 *
 * `read` may be called any number of times for a partition, also at the same time, after crashes. Each call gives all
 * rows of the partition; the first manifest to be recorded wins and the files of the others are swept. It must notice
 * when what it reads is no longer what was planned (a changed file) and throw a held error that says so.
 */
export interface Source {
  check(): Promise<CheckResult>;
  /** Whether `plan` takes a `range`. Absent: no, and a backfill is refused. */
  readonly readsRanges?: boolean;
  /** @param filter text that the names looked for contain, where a source must choose of which to tell the columns; others pass it over. */
  discover(filter?: string | null): Promise<readonly StreamSchema[]>;
  plan(request: PlanRequest, control: Control): Promise<SourcePlan>;
  read(request: { readonly stream: StreamSpec; readonly plan: Plan; readonly partition: Partition }, landing: Landing, control: Control): Promise<readonly LandingFile[]>;
  /** Some rows of a stream, as `read` would give them, in a second whatever the stream's size: for `preview`. Absent: the first partition is read whole. */
  sample?(request: SampleRequest, landing: Pick<Landing, 'create'>, control: Control): Promise<Sample>;
  /** SQL aggregates over the rows of the plan's window as the source has them now, as text. Absent: it cannot be asked. */
  measure?(request: { readonly stream: StreamSpec; readonly plan: Plan; readonly aggregates: readonly string[] }, control: Control): Promise<readonly (string | null)[]>;
  /**
   * Rows of a partition as the source has them now, and the fingerprint over `columns` in its own SQL (null: rows are only counted). Reads
   * only. Absent: the source cannot be asked again. Throws a held error that says why where it no longer can.
   */
  prove?(request: ProveRequest, control: Control): Promise<{ readonly rows: number; readonly fingerprint: string | null }>;
  close(): Promise<void>;
}

export interface ProveRequest {
  readonly stream: StreamSpec;
  readonly plan: Plan;
  readonly partition: Partition;
  readonly columns: readonly ProofColumn[] | null;
}
