import type { StagedFile } from './manifest';
import { isAtDestination, type StreamSpec } from './pipeline';

/** Which rows of a run's quarantine a replay takes: texts that a reason, its step or its column contains; null: any. */
export interface ReplaySelection {
  /** Path of one run: the original, or a replay of it that rejected rows again. Null: all of them. */
  readonly from: string | null;
  readonly reason: string | null;
  readonly step: string | null;
  readonly column: string | null;
}

export interface ReplayRequest {
  /** Path of the original run. */
  readonly of: string;
  /** 1 for its first replay, 2 for the next, … */
  readonly number: number;
  readonly selection: ReplaySelection;
}

/** Part of a replay's plan: which entries of which quarantine its partitions are, so that what became of each can be told from it. */
export interface ReplayPlan {
  /** Parquet: part BIGINT, ordinal BIGINT, run, place VARCHAR, row BIGINT; outside the run's folder, since it outlives the run's data. */
  readonly entries: StagedFile & { readonly rows: number };
  /** Entries by the run that rejected them. */
  readonly taken: readonly { readonly run: string; readonly rows: number }[];
  /** Keys of which the rows of this run and of its replays hold each once: a row whose key is there is set aside again. */
  readonly distinct: Distinct | null;
  /** True: its partitions are the source's, read again, and the entries are among them. Absent: its partitions are the entries. */
  readonly readsSource?: true;
}

export interface Distinct {
  /** `nulls`: NULL equals NULL, as for deduplicate; else a row with NULL in the key is like no other. */
  readonly keys: readonly { readonly columns: readonly string[]; readonly nulls: boolean }[];
  /** Paths of the run and its replays. */
  readonly runs: readonly string[];
}

/** What one partition of a replay is made of: the rows that one batch had set aside. */
export interface ReplayedBatch {
  /** Path of the run that rejected them. */
  readonly run: string;
  readonly place: string;
  readonly files: readonly StagedFile[];
  /** Ledger number of the batch that rejected them; null: it has none. */
  readonly original: string | null;
}

/** Why rows of a stream whose steps need all rows cannot be read again to the same result; null: they can. */
export function readingAgainProblem({ mode, write, lookback, cursor }: StreamSpec): string | null {
  if (write === 'append') return 'is written by append, which would double its rows';
  if (write === 'scd2') return 'is written by scd2, and rows as they are now are no versions of then';
  if (mode === 'incremental' && (cursor === undefined || typeof lookback !== 'string')) return 'is read by increments that are no whole days, months or years ("lookback")';
  return null;
}

/** Checks that say something of a stream as a whole, or of its history: some of its rows cannot answer them. */
const ofTheWhole = ['row_count', 'completeness', 'distinct_count', 'mean', 'sum', 'freshness', 'sql', 'matches_source', 'anomaly'];
const isOfTheWhole = ({ name, options }: StreamSpec['checks'][number]): boolean => options['at'] !== 'destination' && (ofTheWhole.includes(name) || options['mostly'] !== undefined);

export const leftOutChecks = ({ checks }: StreamSpec): readonly string[] => [...new Set(checks.filter(isOfTheWhole).map(({ name }) => name))];

/**
 * The stream as a replay writes it: its rows are added to what the original brought, so nothing that is there is taken away, and a key
 * that does not come again has not gone.
 */
export function replayedAs(stream: StreamSpec): StreamSpec {
  const common = { ...stream, mode: 'incremental' as const, visible: 'run' as const, checks: stream.checks.filter((check) => !isOfTheWhole(check)) };
  if (stream.write !== 'replace' && stream.write !== 'delete_insert') return common;
  const { lookback: _lookback, by: _by, ...rest } = common;
  return { ...rest, write: 'append', keepPrevious: false };
}

/** Keys that the steps and checks of a stream keep distinct, apart from the key that its write goes by. */
export function distinctKeys({ steps, checks, write, key }: StreamSpec): Distinct['keys'] {
  const named = [
    ...steps.filter(({ name }) => name === 'deduplicate').map(({ options }) => ({ columns: options['keys'] as readonly string[], nulls: true })),
    ...checks.filter((check) => !isAtDestination(check)).filter(({ name }) => name === 'unique' || name === 'primary_key').map(({ options }) => ({ columns: options['columns'] as readonly string[], nulls: false })),
  ];
  const text = (columns: readonly string[]) => [...columns].sort().join('\n');
  const own = write === 'merge' || write === 'scd2' ? text(key) : null;
  return named.filter(({ columns }, index) => text(columns) !== own && named.findIndex((other) => text(other.columns) === text(columns)) === index);
}

export const alreadyThere = 'is the key of another row of this run, which is loaded';
