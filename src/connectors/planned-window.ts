import type { Window } from '../domain/position';

/** What a run reads of a database's table or query, as its plan says it in the database's own SQL. */
export interface PlannedWindow {
  /** Null: everything (`mode: full`), or nothing where `empty`. */
  readonly window: Window | null;
  readonly empty: boolean;
  /** SQL condition on the rows of the window, apart from rows whose cursor is NULL. */
  readonly condition: string;
  /** The column whose NULL rows are read too, as a partition of their own; null: none. */
  readonly nullsOf: string | null;
  readonly notes: readonly string[];
}
