import type { RunRef } from './ids';

/** What a person did to a checkpoint; a link of the receipts chain like a run's receipt. */
export interface StateChange {
  readonly kind: 'state';
  readonly run: RunRef;
  readonly stream: string;
  readonly change: 'set' | 'rewind' | 'drop_gap' | 'adopt';
  /** Of `adopt`: the stream whose place was taken. */
  readonly from?: { readonly pipeline: string; readonly stream: string };
  readonly by: string;
  readonly why: string;
  /** Cursor before and after; null: from the beginning. */
  readonly before: string | null;
  readonly after: string | null;
  readonly version: number;
  readonly at: string;
  readonly previous: string | null;
  readonly hash: string;
}
