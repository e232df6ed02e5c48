import type { BackfillWindow } from './backfill';

/** Ids are deterministic paths that carry the meaning (semantics 1). */
export interface RunRef {
  readonly pipeline: string;
  /** Temporal workflow id, `crm_sales/run-2026-08-01T00:00:00Z`. */
  readonly workflowId: string;
  /** Logical date of the run: ISO instant in whole seconds, `2026-08-01T00:00:00Z`. */
  readonly logicalDate: string;
  /** Absent: it reads on from the checkpoint. */
  readonly backfill?: BackfillWindow;
  /** Of a replay: path of the run whose rejected rows it loads, and which of its replays this is. */
  readonly replay?: { readonly of: string; readonly number: number };
  /** `clean`: what the janitor claims in this run's name. */
  readonly part?: string;
  /** `s3://…`: the staging that the pipeline names, where any worker may take the next step; absent: that of the worker that began. */
  readonly staging?: string;
  /** 1 for the first execution of the id, 2 for the next, … */
  readonly generation: number;
  /** Temporal's run id of the first execution of this generation. */
  readonly executionId: string;
  /** When that execution started: ISO instant with milliseconds. Older holders yield to newer ones. */
  readonly startedAt: string;
}

export const workflowIdOf = (pipeline: string, logicalDate: string): string => `${pipeline}/run-${logicalDate}`;
/** Workflow id of a replay. @param of workflow id of the run, with its generation from the second on. */
export const replayIdOf = (of: string, number: number): string => `${of}/replay-${number}`;
/** Workflow id of the run that holds a pipeline's lock: the pipeline's own name. */
export const lockIdOf = (pipeline: string): string => pipeline;

/** `2026-08-01T00:00:00Z` → `20260801T000000Z`: colons and dots do not travel well in paths. */
export const pathTime = (instant: string): string => instant.replace(/[-:]/g, '').replace(/\.\d+/, '');

/** A name as one path segment. Collisions after slugging are refused by the pipeline parser. */
export const slug = (name: string): string =>
  name.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '') || '_';

const generationMark = (generation: number): string => (generation > 1 ? `~${generation}` : '');
const padded = (ordinal: number, width: number): string => String(ordinal).padStart(width, '0');

/** `0007`: a partition's folder, in its first generation. */
export const partitionName = (ordinal: number): string => padded(ordinal, 4);

/** `crm_sales/run-20260801T000000Z`, `crm_sales/backfill-20260701T000000Z-20260801T000000Z`: without the generation, home of `run.json`. */
export const runHome = ({ pipeline, logicalDate, backfill }: Pick<RunRef, 'pipeline' | 'logicalDate' | 'backfill'>): string =>
  `${slug(pipeline)}/${backfill ? `backfill-${pathTime(backfill.from)}-${pathTime(backfill.to)}` : `run-${pathTime(logicalDate)}`}`;
export const runPath = (run: RunRef): string => `${homeOf(run)}${generationMark(run.generation)}${run.part === undefined ? '' : `/${run.part}`}`;
/** A replay lies beside its original, not in it: what sweeps one run must not touch the other. */
const homeOf = (run: RunRef): string => (run.replay ? `${run.replay.of}.replay-${run.replay.number}` : isStateChange(run) ? stateHome(run) : runHome(run));
/** A change of a checkpoint by a person claims like a run, and must not be taken for one. */
const isStateChange = ({ workflowId }: RunRef): boolean => workflowId.includes('/state-');
const stateHome = ({ pipeline, logicalDate }: RunRef): string => `${slug(pipeline)}/state-${pathTime(logicalDate)}`;
/** Whether a folder of a pipeline in staging holds a run. */
export const isRunFolder = (name: string): boolean => /^(run|backfill)-\d/.test(name);
export const streamPath = (run: RunRef, stream: string): string => `${runPath(run)}/${slug(stream)}`;
export const partitionPath = (run: RunRef, stream: string, ordinal: number, reread = 1): string =>
  `${streamPath(run, stream)}/${partitionName(ordinal)}${generationMark(reread)}`;
/** Batches of a partition: `…/0007/00`; of a whole stream, after a stream step: `…/all/00`. */
export const batchPath = (run: RunRef, stream: string, ordinal: number | 'all', reread = 1): string =>
  ordinal === 'all' ? `${streamPath(run, stream)}/all/00` : `${partitionPath(run, stream, ordinal, reread)}/00`;
const batchesPerFence = 2n ** 20n;
/** A batch's lineage number where no ledger allots one: unique to table, fence and partition. */
export const batchNumberOf = (fence: number, part: number | 'all'): string =>
  String(BigInt(fence) * batchesPerFence + (part === 'all' ? batchesPerFence - 1n : BigInt(part)));
/** Of a batch's id: `…/0007/00` → 7. */
export function partOf(batchId: string): number | 'all' {
  const part = batchId.split('/').at(-2)!;
  return part === 'all' ? part : Number.parseInt(part, 10);
}
/** A run's batches by partition: those with rows of it are its own, or that of the whole stream; none where it was skipped. */
export function batchesByPart(batchIds: readonly string[]): (ordinal: number) => readonly string[] {
  const parts = new Map(batchIds.map((id) => [partOf(id), id]));
  return (ordinal) => [parts.get('all') ?? parts.get(ordinal)].filter((id) => id !== undefined);
}
/** The fence in a number that `batchNumberOf` made. */
export const fenceOfNumber = (number: string): number => Number(BigInt(number) / batchesPerFence);
/** Activity ids: `opportunity/0007/load`. */
export const activityId = (stream: string, part: number | 'all' | null, verb: string): string =>
  [slug(stream), ...(part === null ? [] : [part === 'all' ? 'all' : padded(part, 4)]), verb].join('/');
