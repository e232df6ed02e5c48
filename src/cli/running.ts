import type { Client } from '@temporalio/client';
import { slug } from '../domain/ids';
import { askFigures, isNotFound, type Figures } from './follow';
import { missingWorker } from './stalled';

export interface Running {
  readonly runId: string;
  /** Null: no worker answers. */
  readonly figures: Figures | null;
  /** Why none does. */
  readonly missing?: string;
}

/** Runs that go on, of those a word names (a pipeline, a run; without it all), and how far each is. */
export async function findRunning(client: Client, word: string | undefined, before: ReadonlyMap<string, Figures> = new Map()): Promise<readonly Running[]> {
  const ids = word?.includes('/') ? await ifRunning(client, word) : await idsOf(client, word);
  return Promise.all(ids.map(async (runId) => {
    const figures = await askFigures(client, runId, before.get(runId) ?? null);
    const missing = figures ? null : await missingWorker(client, runId);
    return { runId, figures, ...(missing && { missing }) };
  }));
}

/** Asked directly: the server's list lags behind by moments. */
async function ifRunning(client: Client, runId: string): Promise<readonly string[]> {
  const described = await client.workflow.getHandle(runId).describe().catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
  return described?.status.name === 'RUNNING' ? [runId] : [];
}

async function idsOf(client: Client, pipeline: string | undefined): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: 'WorkflowType = "runPipeline" AND ExecutionStatus = "Running"' })) {
    if (pipeline === undefined || slug(workflowId.split('/')[0]!) === slug(pipeline)) ids.push(workflowId);
  }
  return ids.sort();
}
