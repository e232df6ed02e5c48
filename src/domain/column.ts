/** One column of a stream, as it travels through staging. */
export interface Column {
  readonly name: string;
  /** DuckDB type, e.g. `BIGINT`, `DECIMAL(18,3)`, `TIMESTAMP WITH TIME ZONE`, `VARCHAR`. */
  readonly type: string;
  /**
   * The source's own type where `type` does not say all of it, e.g. `numeric(50,3)` travelling as canonical text in VARCHAR.
   * A destination of the same system restores it. Dropped as soon as a step computes a new value for the column.
   */
  readonly sourceType?: { readonly system: string; readonly type: string };
  readonly nullable: boolean;
}

/** What `discover` tells about one stream. */
export interface StreamSchema {
  readonly stream: string;
  readonly columns: readonly Column[];
  /** Primary key in key order; empty where there is none. */
  readonly key: readonly string[];
  readonly estimatedRows?: number;
}

/** Columns that Millrace adds start so; a source column of that name is refused. */
export const systemPrefix = '_millrace_';
/** Row id inside a run while steps run: source order, unique in the stream. BIGINT = partition ordinal × 2^40 + row ordinal from 0. */
export const positionColumn = '_millrace_position';
/** In each destination row: the ledger's number of the batch that loaded it. BIGINT. */
export const batchColumn = '_millrace_batch_id';

export const positionsPerPartition = 2 ** 40;
