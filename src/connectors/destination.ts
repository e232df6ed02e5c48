import type { TableAudit } from '../domain/audit';
import type { Dialect } from '../domain/canonical';
import type { Batch, QuarantineFile } from '../domain/batch';
import type { Claim } from '../domain/claim';
import type { Column } from '../domain/column';
import type { Control } from '../domain/control';
import type { ProofPlan } from '../domain/fingerprint';
import type { RunRef } from '../domain/ids';
import type { LedgerEntry } from '../domain/ledger';
import type { StreamSpec } from '../domain/pipeline';
import type { Misfit, Plan } from '../domain/plan';
import type { FileRecord, Position } from '../domain/position';
import type { CheckResultLine, LoadReceipt, PublishReceipt } from '../domain/receipt';
import type { CheckResult } from './check-result';

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

/** A stream that has loaded into a table. */
export interface Writer {
  readonly pipeline: string;
  readonly stream: string;
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
  /** There is no such table yet. Absent: it cannot be told, or there is one. */
  readonly creates?: boolean;
  /** What a person should know of the target. Absent: nothing. */
  readonly notes?: readonly string[];
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
  /**
   * Judges the target within the transaction that publishes, once all rows are in it and before the commit; its lines go into the receipt.
   * Throws where nothing may be published. Absent: no check asks for it. Called only where `takesChecks` of the capabilities says so.
   */
  readonly inspect?: (table: InspectedTable) => Promise<readonly CheckResultLine[]>;
}

/** The target as a transaction sees it that has written to it. */
export interface InspectedTable {
  /** Quoted. */
  readonly table: string;
  /** In its own types. */
  readonly columns: readonly Column[];
  readonly dialect: Dialect;
  /** One row of text, of a query in its own SQL. */
  ask(sql: string): Promise<Readonly<Record<string, string | null>>>;
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

export interface CompactRequest {
  readonly target: Target;
  /** Bytes aimed at per file; files of less than half of it are small. */
  readonly fileSize: number;
  /** Only tell. */
  readonly dryRun: boolean;
}
export interface Compacted {
  /** Of the table, before. */
  readonly files: number;
  /** Small ones that became `into` bigger ones, and their bytes. */
  readonly merged: number;
  readonly into: number;
  readonly bytes: number;
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
  /** What columns of the target cannot hold of the staged ones: rows with such a value are set aside before the load. Asked after `prepare`, also after one that only told. Absent: nothing, or the load refuses it. */
  misfits?(target: Target, columns: readonly Column[]): Promise<readonly Misfit[]>;
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
  /** Other streams, of any pipeline, whose published rows are or were in the target. Creates nothing. Absent: the claim itself refuses a second stream, or it cannot be told. */
  writers?(target: Target): Promise<readonly Writer[]>;
  /** Gives `target`, which has published nothing, the place of `from`, whose claim was just taken: its checkpoint and recorded files, atomically. Absent: not possible. */
  adopt?(target: Target, from: Target, claim: Claim, control: Control): Promise<void>;
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
  /**
   * Merges small files of the target into bigger ones, with the same rows and the same proofs, while runs go on. Called again, also after a
   * crash, it goes on with what is still small. Absent: it has no files to merge.
   */
  compact?(request: CompactRequest, control: Control): Promise<Compacted>;
  /** Rows now in the target, all runs together: for `allow_empty` and for people. Null: no such table. */
  rows(target: Target): Promise<number | null>;
  close(): Promise<void>;
}
