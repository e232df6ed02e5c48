import { isRunFolder, runPath, slug, type RunRef } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import type { RunSummary } from '../domain/receipt';
import type { StagingStore } from './staging';

/** A run as staging knows it: it outlives Temporal's history. */
export interface StoredRun {
  readonly run: RunRef;
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  /** Null: it has not ended, or was ended from outside. */
  readonly receipt: RunSummary | null;
}

/** Runs of a pipeline, or of all, newest first. */
export async function listRuns(staging: StagingStore, pipeline: string | null): Promise<readonly StoredRun[]> {
  const found: StoredRun[] = [];
  for (const path of await runPaths(staging, pipeline)) {
    const stored = await readRun(staging, path);
    if (stored) found.push(stored);
  }
  return found.sort((left, right) => right.run.startedAt.localeCompare(left.run.startedAt));
}

/** Receipts of a pipeline, or of all, newest first. They outlive Temporal's history. */
export async function listReceipts(staging: StagingStore, pipeline: string | null): Promise<readonly RunSummary[]> {
  const found: RunSummary[] = [];
  for (const path of await runPaths(staging, pipeline)) {
    const receipt = receiptOf(await staging.read(`${path}/receipt.json`));
    if (receipt) found.push(receipt);
  }
  return found.sort((left, right) => right.finishedAt.localeCompare(left.finishedAt));
}

/** One that cannot be read is not there: `verify` names it, since the chain does. */
function receiptOf(text: string | null): RunSummary | null {
  try {
    return text === null ? null : (JSON.parse(text) as RunSummary);
  } catch {
    return null;
  }
}

async function runPaths(staging: StagingStore, pipeline: string | null): Promise<readonly string[]> {
  const homes = pipeline === null ? await foldersIn(staging, '') : [`${slug(pipeline)}/`];
  const folders = await Promise.all(homes.map((home) => foldersIn(staging, home.slice(0, -1))));
  return folders.flat().filter((key) => isRunFolder(key.split('/').at(-2)!)).map((key) => key.slice(0, -1));
}

export async function readRun(staging: StagingStore, path: string): Promise<StoredRun | null> {
  const document = await staging.read(`${path}/run.json`);
  if (document === null) return null;
  const receipt = await staging.read(`${path}/receipt.json`);
  return { ...(JSON.parse(document) as Omit<StoredRun, 'receipt'>), receipt: receiptOf(receipt) };
}

const foldersIn = async (staging: StagingStore, prefix: string): Promise<readonly string[]> =>
  (await staging.list(prefix)).filter((key) => key.endsWith('/')).map((key) => key.replace(/^\//, ''));

/** A run as a person names it: its id or its path, with or without a generation. */
export function isNamed(run: RunRef, word: string): boolean {
  const path = runPath(run);
  const compact = word.replace(/\d{4}-\d{2}-\d{2}T[\d:]+Z/, (time) => time.replace(/[-:]/g, ''));
  return word === run.workflowId || compact === path || compact === path.replace(/~\d+$/, '') || word === `${run.workflowId}~${run.generation}`;
}
