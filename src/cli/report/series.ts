import type { BalanceLine } from '../../domain/balance';
import type { Timing } from '../../domain/timing';

/** Activities that move rows, as a person calls them, in the order of a row's path. */
export const stages: Readonly<Record<string, string>> = {
  planStream: 'plan', extractPartition: 'extract', transformBatch: 'transform', transformStream: 'transform', loadBatch: 'load', checkStream: 'check', publishStream: 'publish',
};
export const stageNames = ['plan', 'extract', 'transform', 'load', 'check', 'publish'] as const;

export interface Bar {
  readonly lane: string;
  readonly stage: string;
  readonly from: Date;
  readonly to: Date;
}

/** Lanes shown at most; beyond, partitions share them as they shared the window. */
const mostLanes = 24;

/** One lane per partition while they are few, else as few lanes as keep bars apart. */
export function barsOf(timings: readonly Timing[]): readonly Bar[] {
  const shown = timings.filter(({ activity }) => stages[activity] !== undefined);
  const parts = [...new Set(shown.map(({ part }) => part))];
  const bar = (timing: Timing, lane: string): Bar => ({ lane, stage: stages[timing.activity]!, from: new Date(timing.startedAt), to: new Date(timing.finishedAt) });
  if (parts.length <= mostLanes) {
    const order = (part: Timing['part']): number => (part === null ? -1 : part === 'all' ? Number.MAX_SAFE_INTEGER : part);
    return [...shown].sort((left, right) => order(left.part) - order(right.part)).map((timing) => bar(timing, laneName(timing.part)));
  }
  const ends: string[] = [];
  return [...shown].sort((left, right) => left.startedAt.localeCompare(right.startedAt)).map((timing) => {
    const free = ends.findIndex((end) => end <= timing.startedAt);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = timing.finishedAt;
    return bar(timing, `lane ${lane + 1}`);
  });
}

const laneName = (part: Timing['part']): string => (part === null ? 'stream' : part === 'all' ? 'all' : `part ${part}`);

export interface Flow {
  readonly at: Date;
  readonly stage: string;
  readonly rate: number;
}

const buckets = 40;

/** Rows per second over time: the rows of an activity are spread evenly over its duration. */
export function flowOf(timings: readonly Timing[]): readonly Flow[] {
  const moving = timings.filter(({ activity, rows }) => rows !== null && ['extractPartition', 'transformBatch', 'loadBatch'].includes(activity));
  if (moving.length === 0) return [];
  const start = Math.min(...moving.map(({ startedAt }) => Date.parse(startedAt)));
  const end = Math.max(...moving.map(({ finishedAt }) => Date.parse(finishedAt)), start + 1);
  const width = (end - start) / buckets;
  return ['extract', 'load'].flatMap((stage) => Array.from({ length: buckets }, (_unused, bucket): Flow => {
    const from = start + bucket * width;
    const rows = moving.filter(({ activity }) => stages[activity] === stage).reduce((sum, timing) => sum + rowsWithin(timing, from, from + width), 0);
    return { at: new Date(from + width / 2), stage, rate: rows / (width / 1000) };
  }));
}

function rowsWithin({ startedAt, finishedAt, rows }: Timing, from: number, to: number): number {
  const start = Date.parse(startedAt);
  const end = Math.max(Date.parse(finishedAt), start + 1);
  const overlap = Math.min(end, to) - Math.max(start, from);
  return overlap > 0 ? (rows! * overlap) / (end - start) : 0;
}

export interface Share {
  readonly step: string;
  readonly term: string;
  readonly rows: number;
}

export const terms = ['handed on', 'rejected', 'filtered', 'deduplicated', 'aggregated'] as const;

/** Each step's rows by what became of them. */
export const sharesOf = (lines: readonly BalanceLine[]): readonly Share[] =>
  lines.flatMap((line) => [
    { step: line.step, term: 'handed on', rows: line.out }, { step: line.step, term: 'rejected', rows: line.rejected }, { step: line.step, term: 'filtered', rows: line.filtered },
    { step: line.step, term: 'deduplicated', rows: line.deduplicated }, { step: line.step, term: 'aggregated', rows: line.aggregated },
  ]).filter(({ rows }) => rows > 0);
