import type { Column } from '../domain/column';
import type { OnError } from '../domain/pipeline';
import type { Guard } from './step';

/** What a step does to rows in the part of the chain that is not settled yet. */
export interface PendingStep {
  readonly step: string;
  readonly onError: OnError;
  readonly guards: readonly Guard[];
  /** Term of the balance for rows that the step leaves out; null: it leaves none out. */
  readonly counts: 'filtered' | 'deduplicated' | null;
  /** Letters of its two fates, rejected and left out, in the order of steps: so `fate < letter` means "went on to there". */
  readonly rejected: string;
  readonly left: string;
}

/** Where a chain of steps stands. */
export interface ChainState {
  /** Plain name of the relation so far. */
  relation: string;
  columns: readonly Column[];
  /** Positions no longer name rows of the chain's input: a reject must carry its record itself. */
  reshaped: boolean;
  /** Columns of the row as it came into the chain, which the relation so far has in one more column; null: it has not. */
  record: readonly string[] | null;
  /** Steps whose rows have not been counted yet. */
  readonly pending: PendingStep[];
}

/** A name that nothing in this process has. */
export const nextName = (state: Pick<ChainState, 'relation'>): string => `${state.relation.split('__')[0]}__${counter++}`;
let counter = 0;
