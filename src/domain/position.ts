import type { Known } from './contract';
import type { Gap } from './gap';
import type { Json, JsonObject } from './json';

/** How far a stream has got: the source's own words, opaque to everything else. Stored with the checkpoint. */
export interface Position {
  /** Upper bound already read, exclusive, as canonical text of the cursor's type; null before the first publish. */
  readonly cursor: string | null;
  /** Anything else the source needs next time, e.g. inferred types. */
  readonly state?: JsonObject;
  /** Columns as last published: what the stream's contract compares with. Absent: not known, and nothing differs. */
  readonly contract?: Known;
  /** Slices before `cursor` that were skipped and are not loaded yet. */
  readonly gaps?: readonly Gap[];
}

/** A file that has been read: committed with the publish, so it is read once (semantics 4, Files). */
export interface FileRecord {
  readonly path: string;
  readonly size: number;
  /** mtime in nanoseconds or etag, as text. */
  readonly version: string;
}

export interface Window {
  readonly cursor: string;
  /** Inclusive; null: from the beginning. */
  readonly lower: string | null;
  /** Exclusive. */
  readonly upper: string;
}

export type Detail = Json;
