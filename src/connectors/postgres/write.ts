import type { QuarantineFile } from '../../domain/batch';
import type { Control } from '../../domain/control';
import type { ConnectorContext, PublishRequest } from '../connector';
import type { PostgresConfig } from './config';
import type { PostgresConnection } from './connection';
import type { Names } from './system-tables';

/** What a write did; each count is a command tag or a query of its own, none the difference of others. */
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

/** A session and what moves rows between it and files. */
export interface Loading {
  readonly connection: PostgresConnection;
  readonly config: PostgresConfig;
  readonly context: ConnectorContext;
  readonly control: Control;
}

/** The staged rows of a run and the table they go to, inside the publish transaction. */
export interface Write extends Loading {
  readonly names: Names;
  readonly request: PublishRequest;
  /** Ledger numbers of the batches, oldest first: source order; of a replay, that of the batches that had rejected its rows. */
  readonly numbers: readonly string[];
  /** Some batch is a replay, and may be older than what the target holds. */
  readonly replays: boolean;
  readonly hidden: string;
  /** Quoted, with the lineage column where the stream keeps it. */
  readonly columns: string;
}

export type LedgerBatches = Pick<Write, 'numbers' | 'replays'>;
