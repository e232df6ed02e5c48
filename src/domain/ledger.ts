/** One row of the ledger: what became of a batch. */
export interface LedgerEntry {
  /** `_millrace_batch_id` in the rows. Text of a bigint. */
  readonly batchNumber: string;
  /** Path of the batch, which leads to everything else. */
  readonly batchId: string;
  /** Path of the run. */
  readonly run: string;
  readonly stream: string;
  /** Of a replay: number of the batch that had rejected its rows. */
  readonly original?: string;
  readonly rows: number;
  readonly state: 'committed' | 'published' | 'rolled_back';
  readonly checksum: string;
  /** ISO instants; null: not yet, or the destination does not keep it. */
  readonly committedAt: string | null;
  readonly publishedAt: string | null;
}
