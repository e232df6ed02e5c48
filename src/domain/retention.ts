/** How long staging keeps what a run leaves, and how much of it (semantics 12). Milliseconds and bytes; null: no bound. */
export interface Retention {
  /** Of staged batches, after their run has ended. Landing files go with the end of the run. */
  readonly keep: number;
  readonly quarantine: { readonly keep: number; readonly max: number | null };
  /** All of staging: where it is reached, extraction waits. */
  readonly staging: { readonly max: number | null };
}

const day = 86_400_000;
export const defaultRetention: Retention = { keep: 0, quarantine: { keep: 90 * day, max: null }, staging: { max: null } };
