import type { QuarantineFile } from '../../domain/batch';
import type { Session } from '../../transforms/duckdb-engine';
import type { PublishRequest } from '../connector';
import type { Names } from './names';

/** What a write did; no count is the difference of others. */
export interface Written {
  readonly rows: number;
  readonly deduplicated: number;
  readonly deleted: number;
  /** Only where a write sets rows aside or ends versions; as in the receipt. */
  readonly rejected?: number;
  readonly quarantine?: readonly QuarantineFile[];
  readonly ended?: number;
  readonly notes?: readonly string[];
}

/** The staged rows of a run and the table they go to, inside the publish transaction. */
export interface Write {
  readonly session: Session;
  readonly names: Names;
  readonly request: PublishRequest;
  /** Ledger numbers of the batches, oldest first: source order; of a replay, that of the batches that had rejected its rows. */
  readonly numbers: readonly string[];
  /** Some batch is a replay, and may be older than what the target holds. */
  readonly replays: boolean;
  readonly hidden: string;
  readonly columns: string;
}

export type LedgerBatches = Pick<Write, 'numbers' | 'replays'>;
