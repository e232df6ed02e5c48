import type { Position } from './position';

/** The right to write one stream: every commit is conditional on it (semantics 2). */
export interface Claim {
  readonly fence: number;
  readonly version: number;
  /** Null: this stream has never been published here. */
  readonly position: Position | null;
}
