import type { FileRecord, Position } from './position';

/** The right to write one stream: every commit is conditional on it (semantics 2). */
export interface Claim {
  readonly fence: number;
  /** Of the checkpoint; publish swaps it by compare-and-set. */
  readonly version: number;
  /** Null: this stream has never been published here. */
  readonly position: Position | null;
  /** Files already read and published, for sources that read files. */
  readonly files: readonly FileRecord[];
}
