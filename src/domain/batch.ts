import type { BalanceLine } from './balance';
import type { Column } from './column';
import type { Figures } from './fingerprint';
import type { StagedFile } from './manifest';

/** Rows set aside by one batch: a Parquet file in staging (see stores/quarantine). */
export interface QuarantineFile extends StagedFile {
  readonly rows: number;
}

/** The unit loaded atomically: `<batch>/batch.json`, first writer wins. */
export interface Batch {
  /** Path, `…/0007/00` or `…/all/00`. */
  readonly id: string;
  readonly stream: string;
  /** Format of the files: `parquet`, or `copy_csv` where landing files are loaded as they are (`Plan.passes`). */
  readonly format: 'parquet' | 'copy_csv';
  /** Files with exactly `columns`, in order. */
  readonly files: readonly StagedFile[];
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly bytes: number;
  /** Over the files' checksums: a batch id with another checksum is refused by the ledger. */
  readonly checksum: string;
  /** Of its rows in the form of the destination's types, taken from the staged files; null: `proof: counts`, or a part of a stream. */
  readonly proof: Figures | null;
  readonly lines: readonly BalanceLine[];
  /** Of a replay: ledger number of the batch that rejected these rows. They are as old as it where their own order does not tell. */
  readonly original?: string;
  readonly quarantine: readonly QuarantineFile[];
  /** Source records behind this batch: what the first line received. */
  readonly read: number;
  /** Checks of single rows: failing rows, by index in the stream's `checks`. The gate sums them. */
  readonly failing: Readonly<Record<number, number>>;
  /** Values that the contract left out while their rows went on, by column. Absent: none. */
  readonly discarded?: Readonly<Record<string, number>>;
}

/** What the workflow carries of a batch. */
export interface BatchRef {
  readonly id: string;
  readonly rows: number;
  readonly read: number;
  readonly rejected: number;
}
