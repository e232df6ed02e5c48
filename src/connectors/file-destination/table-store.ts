import type { Column } from '../../domain/column';
import type { StreamSpec } from '../../domain/pipeline';
import type { FileRecord, Position } from '../../domain/position';
import type { PublishReceipt } from '../../domain/receipt';

/** What readers of the table go by: which batches it consists of, and how far its stream has got. */
export interface Head {
  /** Rises by one with each claim and publish. */
  readonly number: number;
  readonly pipeline: string;
  readonly stream: string;
  readonly holder: string;
  readonly startedAt: string;
  readonly fence: number;
  readonly version: number;
  readonly position: Position | null;
  readonly files: readonly FileRecord[];
  /** Batch manifests, relative to the table, in source order. */
  readonly batches: readonly string[];
  /** Files of those batches that later groups have replaced, by manifest: their indexes in it. */
  readonly dropped?: Readonly<Record<string, readonly number[]>>;
  /** Files of those batches whose rows lie in merged files now, by manifest: their indexes in it. */
  readonly moved?: Readonly<Record<string, readonly number[]>>;
  /** Counts mergings of small files: one that began later has taken over from those before. */
  readonly merging?: number;
  /** Merged files that belong to the table: places of their documents. */
  readonly merged?: readonly string[];
  readonly publisher: string | null;
  readonly receipt: PublishReceipt | null;
  readonly publishedAt?: string;
}

/** A file that belongs to the table, or will. */
export interface TableFile {
  /** Where it belongs, relative to the table. */
  readonly path: string;
  /** Where the attempt put it; the same as `path` where a store cannot move. */
  readonly written: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of these bytes: an etag, or a checksum. */
  readonly version: string;
  /** Values of the partition columns, as the folders say them. */
  readonly values: Readonly<Record<string, string>>;
}

/** One loaded batch, its ledger row: `_millrace/f<fence>/<batch>.json`, first writer wins. */
export interface BatchManifest {
  readonly batchId: string;
  readonly number: string;
  readonly checksum: string;
  readonly planHash: string;
  readonly run: string;
  readonly rows: number;
  readonly fingerprint: string | null;
  /** What the fingerprint covers; null: `proof: counts`. */
  readonly proof: string | null;
  readonly files: readonly TableFile[];
}

/** A file that took over the rows of smaller ones: `_millrace/f<fence>/merged/<id>.json`. `_millrace_batch_id` tells whose row is whose. */
export interface MergedFile {
  readonly file: TableFile;
  /** Batches whose rows it holds: place of the manifest, number of the batch, and how many rows. */
  readonly parts: readonly { readonly place: string; readonly number: string; readonly rows: number }[];
}

/** A local file on its way to the table. */
export interface NewFile extends Omit<TableFile, 'written' | 'version'> {
  readonly local: string;
  readonly checksum: string;
}

/**
 * The folder of one table in a store without transactions (semantics 9). All that differs between such stores is here.
 *
 * `createOnce` and `swapHead` decide between any number of writers: exactly one wins. After a lost reply the caller reads again.
 * `keep` takes local files over: each is there whole or not at all, and a later claim knows of it even where its attempt dies
 * before its manifest names it. `settle` puts what a manifest names where it belongs; called again it changes nothing.
 */
export interface TableStore {
  /** For people. */
  readonly label: string;
  readHead(): Promise<Head | null>;
  /** Replaces the head whose number is one less. False: somebody else was faster; read again and decide anew. */
  swapHead(next: Head): Promise<boolean>;
  read(key: string): Promise<string | null>;
  createOnce(key: string, text: string): Promise<boolean>;
  /** A new local folder on the way to the table; the caller removes it. */
  scratch(): Promise<string>;
  /** @param folder `fenceFolder`, or a folder in it: `leftovers` of that folder tells of them */
  keep(files: readonly NewFile[], folder: string, signal: AbortSignal): Promise<readonly TableFile[]>;
  settle(files: readonly TableFile[]): Promise<void>;
  /** Where this process can read the file; null: only after a download. */
  localPath(file: TableFile): string | null;
  /** Whether the file lies there with the bytes it was stored with. */
  isIntact(file: TableFile): Promise<boolean>;
  download(file: TableFile, to: string, signal: AbortSignal): Promise<void>;
  /** Every data file a reader of the folder would meet. */
  dataFiles(): Promise<readonly string[]>;
  /** Files directly in a folder; empty where there is none. */
  children(folder: string): Promise<readonly string[]>;
  /** Fences with documents, and the keys of a fence's documents. */
  fences(): Promise<readonly number[]>;
  documents(fence: number): Promise<readonly string[]>;
  /** Files that attempts have brought with this folder and no document may name. */
  leftovers(folder: string): Promise<readonly string[]>;
  remove(keys: readonly string[]): Promise<void>;
  /**
   * Tells a catalog, where there is one, which files the table consists of now: after each swap that changes them, before what they replace
   * is removed, and again after a crash in between.
   */
  announce?(what: Announcement): Promise<void>;
  /** What announcing would do, for people; throws where it would be refused. Writes nothing. */
  foresee?(what: Announcement & { readonly columns: readonly Column[] }): Promise<readonly string[]>;
}

export interface Announcement {
  readonly pipeline: string;
  readonly stream: StreamSpec;
  /** Null: as they were announced before. */
  readonly columns: readonly Column[] | null;
}

export const fenceFolder = (fence: number): string => `_millrace/f${fence}`;
export const mergedFolder = (fence: number): string => `${fenceFolder(fence)}/merged`;
export const isMerging = (folder: string): boolean => folder.endsWith('/merged');
