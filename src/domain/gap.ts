import type { Json } from './json';
import type { Window } from './position';

/** Rows of the source that a person decided to leave out: kept with the checkpoint until they are loaded or dropped (semantics 13). */
export interface Gap {
  /** Path of the partition that was skipped, `…/0007`. */
  readonly partition: string;
  /** For people: `id 1 … 250000`. */
  readonly label: string;
  /** The source's own word for the slice; reads the same rows again. */
  readonly detail: Json;
  readonly window: Window | null;
  readonly estimatedRows: number | null;
  readonly by: string | null;
  readonly reason: string;
  /** ISO instant. */
  readonly at: string;
}
