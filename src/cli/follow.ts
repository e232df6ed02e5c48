import type { Client, Connection, WorkflowHandle } from '@temporalio/client';
import { lockIdOf } from '../domain/ids';
import type { RunState } from '../domain/receipt';
import type { RunProgress, StreamProgress } from '../workflows/messages';
import { missingWorker } from './stalled';

/** Figures of a run at one moment, for people. */
export interface Figures {
  readonly state: RunState;
  readonly message: string | null;
  readonly streams: readonly StreamFigures[];
}
export interface StreamFigures {
  readonly stream: string;
  readonly to: string;
  readonly state: RunState;
  readonly stage: string;
  readonly read: number;
  readonly loaded: number;
  readonly rejected: number;
  readonly partitions: { readonly total: number; readonly done: number; readonly running?: number };
  readonly estimatedRows: number | null;
  readonly message: string | null;
}

/** A query waits for a worker; without a deadline it would wait for minutes. */
const queryDeadline = 4000;

/** Asks a run, and each of its streams that has started, how far it is. Null: no worker answers. */
export async function askFigures(client: Client, runId: string, before: Figures | null): Promise<Figures | null> {
  const progress = await ask<RunProgress>(client, runId, 'progress');
  if (!progress) return null;
  const streams = await Promise.all(progress.streams.map(async (stream): Promise<StreamFigures> => {
    const last = before?.streams.find((known) => known.stream === stream.stream);
    // A stream that has ended says the same for ever: asked once more, then remembered.
    const settled = last !== undefined && last.state === stream.state && ended(stream.state);
    const detail = stream.state === 'queued' || settled ? null : await ask<StreamProgress>(client, stream.workflowId, 'streamProgress');
    const figures = figuresOf(stream, detail, last);
    const why = figures.state === 'running' ? await whyStalled(client, stream.workflowId, runId, detail !== null) : null;
    return why === null ? figures : { ...figures, state: 'stalled', message: why };
  }));
  const waits = (state: RunState): boolean => state === 'held' || state === 'waiting_approval';
  const moving = streams.some(({ state, partitions }) => (waits(state) ? (partitions.running ?? 0) > 0 : !ended(state) && state !== 'queued'));
  // While other parts still move, a hold is told by its message; the run as a whole waits once nothing else moves.
  const state = waits(progress.state) && moving ? 'running' : streams.every((stream) => ended(stream.state) || stream.state === 'stalled' || stream.state === 'queued') && streams.some((stream) => stream.state === 'stalled') ? 'stalled' : progress.state;
  return { state, message: progress.message, streams };
}

const ended = (state: RunState): boolean => state === 'succeeded' || state === 'succeeded_with_rejects' || state === 'failed' || state === 'cancelled';

function figuresOf(stream: RunProgress['streams'][number], detail: StreamProgress | null, last: StreamFigures | undefined): StreamFigures {
  const state = ended(stream.state) || !detail ? stream.state : detail.state;
  return {
    stream: stream.stream, to: stream.to, state,
    stage: detail?.stage ?? last?.stage ?? 'plan',
    read: detail?.totals.extracted ?? last?.read ?? 0,
    loaded: detail?.totals.loaded ?? last?.loaded ?? 0,
    rejected: detail?.totals.rejected ?? last?.rejected ?? 0,
    partitions: detail?.partitions ?? last?.partitions ?? { total: 0, done: 0 },
    estimatedRows: detail?.estimatedRows ?? last?.estimatedRows ?? null,
    message: stream.message ?? detail?.message ?? null,
  };
}

/** A stream that is said to run and does not: no worker for its queue, or a file that another process has open. */
async function whyStalled(client: Client, workflowId: string, runId: string, answers: boolean): Promise<string | null> {
  if (!answers) return missingWorker(client, runId);
  const described = await client.workflow.getHandle(workflowId).describe().catch(() => null);
  const failures = described?.raw.pendingActivities?.map(({ lastFailure }) => lastFailure) ?? [];
  return failures.find((failure) => failure?.applicationFailureInfo?.type === 'FileLockedError')?.message ?? null;
}

export async function ask<Answer>(client: Client, workflowId: string, query: string): Promise<Answer | null> {
  try {
    return await client.connection.withDeadline(Date.now() + queryDeadline, () => client.workflow.getHandle(workflowId).query<Answer>(query));
  } catch {
    return null;
  }
}

/** The run that holds a pipeline, if one does. */
export async function holderOf(client: Client, pipeline: string): Promise<string | null> {
  try {
    const lock = await client.workflow.getHandle(lockIdOf(pipeline)).describe();
    const holder = lock.memo?.['holder'];
    // The janitor holds it for moments, and is no run that could be watched.
    return lock.status.name === 'RUNNING' && typeof holder === 'string' && holder.startsWith(`${pipeline}/`) ? holder : null;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof Error && error.name === 'WorkflowNotFoundError';

export type RunHandle = WorkflowHandle;
export type { Client, Connection };
