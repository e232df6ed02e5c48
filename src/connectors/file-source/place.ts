import type { Control } from '../../domain/control';
import type { CheckResult } from '../connector';

/** A file as its place lists it. */
export interface FileEntry {
  /** As it is recorded and shown: relative to the place, with forward slashes. */
  readonly path: string;
  readonly size: number;
  /** Changes whenever the content does: mtime in nanoseconds, an etag, a version id. */
  readonly version: string;
  /** What stays when the file is renamed (device and inode); absent where the place has no such thing. */
  readonly id?: string;
}

/** Bytes `[from, to)`. */
export interface ByteRange { readonly from: number; readonly to: number }

/**
 * Where files lie: a folder, a bucket, a server. All that differs between those is here; formats, archives, inference, choosing
 * what is new and noticing changes are `openFileSource`'s, so that every format works everywhere.
 *
 * `list` gives the files that a pattern (`*`, `**`, `?`, `[…]`) or an exact path names, ordered by path; an empty list where
 * there is none. It throws a held error where the place itself is missing or refuses, SourceUnavailableError where it cannot be reached.
 *
 * `find` gives the file that lies at a path now; null where there is none. It is asked before and after a file is fetched: a
 * changed version or size means that what was fetched is not what was planned.
 *
 * `fetch` writes bytes of a file to a local one that exists and is empty: all of them, or a range. It may be called again for the
 * same file by other attempts, at any time. Where a connection breaks it goes on from where it was, and only with bytes of the
 * same version. It calls `control.progress` and stops on `control.signal`.
 */
export interface Place {
  check(): Promise<CheckResult>;
  list(pattern: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  find(path: string, signal: AbortSignal): Promise<FileEntry | null>;
  fetch(entry: FileEntry, to: string, control: Control, range?: ByteRange): Promise<void>;
  /** Where this process can read the file as it is; absent or null: it must be fetched. */
  localPath?(entry: FileEntry): string | null;
  /** For people: "/data/in/orders.csv", "sftp://host/orders.csv". */
  label(path: string): string;
  close(): Promise<void>;
}

export const hasWildcard = (pattern: string): boolean => /[*?[{]/.test(pattern);
