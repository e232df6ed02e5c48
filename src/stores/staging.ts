import type { StagedFile } from '../domain/manifest';
import type { Measured } from './checksum';

/**
 * Where landing files, batches, plans and receipts lie (semantics 1 and 12). Keys are slash-separated paths; no key is
 * another key's folder. Any number of attempts may work in it at once, on one machine or, with a shared store, on many.
 */
/** A file as it lies there. */
export interface StagedEntry {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface StagingStore {
  /** Names the store: workers that share it serve the same activity queue. */
  readonly id: string;
  /** Creates `key` with `text` unless it exists; returns what is there afterwards: the first writer's text. */
  putIfAbsent(key: string, text: string): Promise<string>;
  /** Null: no such key. */
  read(key: string): Promise<string | null>;
  /** A new file under `prefix` whose name no other attempt has; `path` is absolute and local. */
  create(prefix: string, extension: string): Promise<{ readonly key: string; readonly path: string }>;
  /** Measures a created file, unless that was done as it was written. It is not flushed to the disk: what a power failure takes is found by its checksum, and read again. */
  seal(key: string, measured?: Measured): Promise<StagedFile>;
  /** Local path of a sealed file, after its size and checksum were compared; throws StagingDamagedError. */
  fetch(file: StagedFile): Promise<string>;
  /** Keys of the direct children that are folders (with a trailing slash) and files under a prefix, sorted. */
  list(prefix: string): Promise<readonly string[]>;
  /** Every file under a prefix that ends in a slash (or is empty: all), drafts too, in no order; one that vanishes meanwhile is left out. */
  walk(prefix: string): AsyncIterable<StagedEntry>;
  /** Missing is fine. */
  remove(keys: readonly string[]): Promise<void>;
  /** Ends uploads under a prefix that were cut off, where the store keeps such, or only counts them; returns how many. */
  endUploads(prefix: string, options: { readonly dryRun: boolean }): Promise<number>;
  /** Removes the data files under a prefix that are not in `keep`; JSON documents stay. Missing is fine. */
  sweep(prefix: string, keep: ReadonlySet<string>): Promise<void>;
}
