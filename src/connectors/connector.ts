import type { z } from 'zod';
import type { BackfillWindow } from '../domain/backfill';
import type { TableAudit } from '../domain/audit';
import type { Batch, QuarantineFile } from '../domain/batch';
import type { Claim } from '../domain/claim';
import type { Column, StreamSchema } from '../domain/column';
import type { Control } from '../domain/control';
import type { ProofColumn, ProofPlan } from '../domain/fingerprint';
import type { RunRef } from '../domain/ids';
import type { LedgerEntry } from '../domain/ledger';
import type { JsonObject } from '../domain/json';
import type { LandingFile } from '../domain/manifest';
import type { NamedOptions, StreamSpec } from '../domain/pipeline';
import type { Partition, Plan, SourcePlan } from '../domain/plan';
import type { FileRecord, Position } from '../domain/position';
import type { LoadReceipt, PublishReceipt } from '../domain/receipt';
import type { Engine } from '../transforms/duckdb-engine';

export interface CheckResult {
  readonly ok: boolean;
  /** What was tried, one line each; where it failed: what to grant or change. */
  readonly messages: readonly string[];
}

/** What a connector may use besides its own client library. */
export interface ConnectorContext {
  /** The only way to DuckDB. */
  readonly engine: Engine;
  /** Relative paths of a connection are relative to this folder: that of its connections file. */
  readonly baseFolder: string;
  /** Name of the connection, for messages. */
  readonly connection: string;
  /** One budget of requests for all who use the connection. Absent: there is none to keep. */
  readonly governor?: Governor;
}

/** Allots times at which a request may be sent, evenly spaced, each once: across runs, workers and restarts. */
export interface Governor {
  /** Resolves when a request may be sent; throws SourceThrottledError where that is more than some seconds away. */
  permit(rate: { readonly requests: number; readonly per: number }, signal: AbortSignal): Promise<void>;
}

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
  /** Flushes, measures and checksums a file made by `create`. `rows` is the source's own count. */
  seal(key: string, facts: { readonly rows: number; readonly format: NamedOptions; readonly origin: string }): Promise<LandingFile>;
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

/** The checkpoint of a stream as it stands. */
export interface Checkpoint {
  /** Path of the run that claimed it last. */
  readonly holder: string | null;
  readonly fence: number;
  /** 0: claimed and never published. */
  readonly version: number;
  readonly position: Position | null;
  /** Files recorded as read. */
  readonly files: readonly FileRecord[];
  /** ISO instant of the last publish; null: never, or the destination does not say. */
  readonly publishedAt: string | null;
}

/** The table a stream writes, as one run sees it. */
export interface Target {
  readonly run: RunRef;
  readonly stream: StreamSpec;
}

export interface SchemaChanges {
  /** Statements that prepare ran or would run, for people. */
  readonly statements: readonly string[];
  /** Those of them that take something away. */
  readonly destructive: readonly string[];
}

/** `batches`: rows go by batch id. `replacement`: the table before comes back. */
export type RollbackAnswer =
  | { readonly possible: true; readonly removes: 'unpublished' | 'batches' | 'replacement' }
  | { readonly possible: false; readonly reason: string };

export interface LoadRequest {
  readonly target: Target;
  readonly plan: Plan;
  readonly batch: Batch;
  /** The batch's files, local and verified, in order. Columns are `batch.columns` and, before them, nothing else. */
  readonly paths: readonly string[];
}

export interface PublishRequest {
  readonly target: Target;
  readonly plan: Plan;
  /** Ids of all batches of the run for this stream, in source order; may be empty: publish runs for zero batches too. */
  readonly batchIds: readonly string[];
  readonly quarantine: PublishQuarantine;
  /**
   * scd2 with `mode: full`: Parquet with the keys of rows that are in this run's quarantine, in columns and types of the target;
   * they are not missing. Null: there are none. 'unknown': some quarantined record does not show its key.
   */
  readonly keysAside: { readonly path: string } | 'unknown' | null;
}

/** Where publish sets rows aside that only the target shows to be wrong. Names are unique to the attempt; the receipt names the one that counts. */
export interface PublishQuarantine {
  /** A new Parquet file, to be filled with position BIGINT, step, reasons (JSON list of { column, reason }), raw (JSON), origin, line BIGINT. */
  create(): Promise<{ readonly key: string; readonly path: string }>;
  /** Throws where the rows are more than `limits.rejects` allows; then nothing may be published. */
  seal(key: string, rows: number): Promise<QuarantineFile>;
}

export interface VerifyRequest {
  readonly target: Target;
  readonly batchIds: readonly string[];
  /** `counts`: fingerprints and figures are not asked for. */
  readonly level: 'rows' | 'counts';
  /** Looks for rows of no batch too: a pass over the whole table. */
  readonly strangers: boolean;
}

/**
 * A system that rows go to. One instance lives for one activity; `close` is always called.
 *
 * `claim` is called before anything is planned. The same run gets its own fence back; a newer run gets fence + 1 and
 * settles what older fences left unpublished; an older run is refused with FencedOffError (semantics 2).
 *
 * `prepare` makes the target and the system tables ready for `plan.target`, or throws a held or configuration error that
 * says what does not fit. Only columns that `widens` names get another type, and only one that holds all they hold. With `dryRun` it only tells, also where the system tables are not there yet. Called again it changes nothing.
 *
 * `load` commits a batch and its ledger row together, or neither. Called again with the same batch id after a crash it
 * returns the first receipt with `alreadyLoaded: true`; with another checksum it throws; with an outdated fence it throws.
 * It calls `control.reached` with `load:after-data`, `load:before-commit` and `load:after-commit`.
 *
 * `publish` makes the run's batches visible and advances the checkpoint (position, files, version + 1) in one commit.
 * Called again after its commit it returns the stored receipt. It refuses a missing batch (a planned batch without a
 * ledger row). It calls `control.reached('publish:before-commit')` and `('publish:after-commit')`.
 */
export interface Destination {
  check(): Promise<CheckResult>;
  claim(target: Target, control: Control): Promise<Claim>;
  prepare(target: Target, plan: Pick<Plan, 'target' | 'fence' | 'firstLoad' | 'key' | 'order' | 'widens'>, options: { readonly dryRun: boolean; readonly allowDestructive: boolean }): Promise<SchemaChanges>;
  /** Whether `load` takes staged Parquet over as its own file, so that it must have the lineage column. Absent: never. */
  stagesLineage?(target: Target): boolean;
  /**
   * Whether `load` takes the text of a Postgres COPY as it is (`batch.format: copy_csv`), since every column of the target has
   * exactly the source's type. Asked after `prepare`. Absent: never.
   */
  takesCopyText?(target: Target, columns: readonly Column[]): Promise<boolean>;
  /**
   * Which columns a fingerprint of the target's rows covers and how each is written there; what the target rewrites is left out with the
   * reason. Asked after `prepare`, also after one that only told: columns that are not there and those in `widens` count as what prepare
   * will make of them. Absent: rows are only counted.
   */
  provable?(target: Target, columns: readonly Column[], widens?: readonly string[]): Promise<ProofPlan>;
  load(request: LoadRequest, control: Control): Promise<LoadReceipt>;
  publish(request: PublishRequest, control: Control): Promise<PublishReceipt>;
  /** Counted in the destination, not remembered: rows per batch id, before or after the publish. Independent of `load`'s own count. */
  count(target: Target, plan: Pick<Plan, 'fence'>, batchIds: readonly string[]): Promise<Readonly<Record<string, number>>>;
  /**
   * Takes back one batch of this run that is not published, loaded or not, and sees to it that no attempt of it can commit any more.
   * Absent: only batches that were never loaded can be read again or skipped.
   */
  discard?(target: Target, plan: Pick<Plan, 'fence' | 'version' | 'hash'>, batchId: string): Promise<void>;
  /**
   * What the ledger and the table now say of the given batches, whenever it is asked; changes nothing. Counts, fingerprints and figures are
   * computed in the destination from the rows that are there. Absent: `verify` says that it cannot be asked.
   */
  verify?(request: VerifyRequest, control: Control): Promise<TableAudit>;
  /**
   * What `rollback` of this run would take back here, or why it cannot (semantics 8). Looks and writes nothing. Absent: only what is
   * unpublished can be taken back. What the stream's words alone decide stands in domain/rollback.
   */
  canRollback?(target: Target): Promise<RollbackAnswer>;
  /**
   * Takes back what the given run wrote of this stream: what is unpublished always; what is published only where `canRollback`
   * says so, with checkpoint and files as they were before, so that the next run reads it again; else it throws and changes nothing.
   */
  rollback(target: Target, control: Control): Promise<void>;
  /** Reads the checkpoint without claiming it, creating nothing. Null: this stream has never been claimed here. Absent: cannot be told. */
  checkpoint?(target: Target): Promise<Checkpoint | null>;
  /** Puts another position under a claim just taken, as a publish without batches would: version + 1, only where fence and version are still the claim's. */
  setPosition?(target: Target, claim: Claim, position: Position | null, control: Control): Promise<Checkpoint>;
  /** Hidden tables of fences below the present one, which a settling could not lock; with `drop`, those dropped now. Absent: there are none. */
  leftovers?(target: Target, options: { readonly drop: boolean }): Promise<readonly string[]>;
  /** The ledger's row for a `_millrace_batch_id` of this target, whichever run and stream loaded it. Null: there is none. Absent: cannot be told. */
  trace?(target: Target, batchNumber: string): Promise<LedgerEntry | null>;
  /** The ledger's rows for batches of this target, those it has; changes nothing. Absent: cannot be told. */
  ledger?(target: Target, batchIds: readonly string[]): Promise<readonly LedgerEntry[]>;
  /** Whether `publish` sets rows aside whose key other rows of a replayed run have (`plan.replay.distinct`). Absent: no. */
  readonly keepsDistinct?: boolean;
  /** Some rows of the target's columns, each value as text, printed as a database's COPY prints them (`copy_csv`): to tell a renamed column. Absent: they cannot be looked at. */
  sample?(target: Target, columns: readonly string[], rows: number, path: string, control: Control): Promise<void>;
  /** Rows now in the target, all runs together: for `allow_empty` and for people. Null: no such table. */
  rows(target: Target): Promise<number | null>;
  close(): Promise<void>;
}

/** Differences between systems as data with a reason, never as a type test. */
export interface Capabilities {
  readonly loadIsTransactional: boolean;
  readonly concurrentWriters: boolean;
  readonly writes: readonly string[];
  /** Word → why it is not available here, for the message that refuses it. */
  readonly refuses: Readonly<Record<string, string>>;
}

export interface Connector {
  readonly name: string;
  readonly summary: string;
  readonly configSchema: z.ZodType;
  readonly capabilities?: Capabilities;
  /** A database: its streams are tables or queries with columns of their own, so that it takes neither patterns nor formats. */
  readonly holdsTables?: boolean;
  /** A source without transactions that reads by `cursor` all the same. */
  readonly takesCursor?: boolean;
  openSource?(config: unknown, context: ConnectorContext): Promise<Source>;
  openDestination?(config: unknown, context: ConnectorContext): Promise<Destination>;
}

interface ConnectorDefinition<Name extends string, Schema extends z.ZodType> {
  readonly name: Name;
  readonly summary: string;
  /** Options of a connection; every field has a description (`.describe`). Secrets arrive resolved. */
  readonly configSchema: Schema;
  readonly holdsTables?: boolean;
  readonly takesCursor?: boolean;
  /** Only of destinations. */
  readonly capabilities?: Capabilities;
  openSource?(config: z.output<Schema>, context: ConnectorContext): Promise<Source>;
  openDestination?(config: z.output<Schema>, context: ConnectorContext): Promise<Destination>;
}

export function defineConnector<const Name extends string, Schema extends z.ZodType>(
  definition: ConnectorDefinition<Name, Schema>,
): Connector & { readonly name: Name } {
  const { configSchema, openSource, openDestination, ...rest } = definition;
  return {
    ...rest,
    configSchema,
    ...(openSource && { openSource: async (config: unknown, context: ConnectorContext) => openSource(configSchema.parse(config), context) }),
    ...(openDestination && { openDestination: async (config: unknown, context: ConnectorContext) => openDestination(configSchema.parse(config), context) }),
  };
}

export type { Column };
