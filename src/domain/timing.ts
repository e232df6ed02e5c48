/** When one activity of a run did its work: a small file in staging, so that a run can be told of after Temporal has forgotten it. */
export interface Timing {
  /** `extractPartition`, `loadBatch`, … */
  readonly activity: string;
  /** Null: of the run as a whole. */
  readonly stream: string | null;
  readonly part: number | 'all' | null;
  /** From 1; earlier attempts failed or were stopped. */
  readonly attempt: number;
  /** ISO instants with milliseconds: asked for, taken up by a worker, done. */
  readonly scheduledAt: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Where the activity tells them; null: it does not. */
  readonly rows: number | null;
  readonly bytes: number | null;
}
