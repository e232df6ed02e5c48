import type { PublishRequest } from '../connector';
import type { PostgresConnection } from './connection';
import type { Names } from './system-tables';

/** What a write did; each count is a command tag or a query of its own, none the difference of others. */
export interface Written {
  readonly rows: number;
  readonly deduplicated: number;
  readonly deleted: number;
}

/** The staged rows of a run and the table they go to, inside the publish transaction. */
export interface Write {
  readonly connection: PostgresConnection;
  readonly names: Names;
  readonly request: PublishRequest;
  readonly numbers: readonly string[];
  readonly hidden: string;
  /** Quoted, with the lineage column where the stream keeps it. */
  readonly columns: string;
}
