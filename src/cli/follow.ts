import type { Client, Connection, WorkflowHandle } from '@temporalio/client';
import { lockIdOf } from '../domain/ids';
import type { PartStage } from '../domain/plan';
import type { RunState } from '../domain/receipt';
import type { RunProgress, StreamProgress } from '../workflows/messages';
import { silentOf, type Silent } from './fallen-silent';
import { pendingOf, type Pending } from './pending';
import { missingWorker } from './stalled';

/** Figures of a run at one moment, for people. */
export interface Figures {
  /** Absent where several runs are shown as one. */
  readonly run?: string;
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
  /** Landed from the source. */
  readonly bytes: number;
  /** Attempts that failed or were stopped. */
  readonly retries: number;
  readonly partitions: { readonly total: number; readonly done: number; readonly running?: number; readonly stages?: Readonly<Record<PartStage, number>> };
  readonly estimatedRows: number | null;
  readonly message: string | null;
  /** Work that waits for a worker that went away. */
  readonly silent?: Silent;
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
    const pending = detail ? await pendingOf(client, stream.workflowId).catch(() => []) : [];
    const silent = silentOf(pending);
    const figures = { ...figuresOf(stream, detail, last, pending), ...(silent && { silent }) };
    if (figures.state !== 'running') return figures;
    const stalled = detail === null ? await missingWorker(client, runId) : lockedFile(pending) ?? stoppedAll(pending);
    return stalled === null ? { ...figures, message: figures.message ?? stoppedSome(pending) } : { ...figures, state: 'stalled', message: stalled };
  }));
  const waits = (state: RunState): boolean => state === 'held' || state === 'waiting_approval';
  const moving = streams.some(({ state, partitions }) => (waits(state) ? (partitions.running ?? 0) > 0 : !ended(state) && state !== 'queued'));
  // While other parts still move, a hold is told by its message; the run as a whole waits once nothing else moves.
  const state = waits(progress.state) && moving ? 'running' : streams.every((stream) => ended(stream.state) || stream.state === 'stalled' || stream.state === 'queued') && streams.some((stream) => stream.state === 'stalled') ? 'stalled' : progress.state;
  return { run: runId, state, message: progress.message, streams };
}

const ended = (state: RunState): boolean => state === 'succeeded' || state === 'succeeded_with_rejects' || state === 'failed' || state === 'cancelled';

function figuresOf(stream: RunProgress['streams'][number], detail: StreamProgress | null, last: StreamFigures | undefined, pending: readonly Pending[]): StreamFigures {
  const state = ended(stream.state) || !detail ? stream.state : detail.state;
  // What an extraction at work has read so far is in its heartbeat; its workflow hears of it at the end.
  const reading = pending.filter((one) => one.state === 'running' && /\/extract(~\d+)?$/.test(one.activityId));
  const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);
  return {
    stream: stream.stream, to: stream.to, state,
    stage: detail?.stage ?? last?.stage ?? 'plan',
    read: detail ? detail.totals.extracted + sum(reading.map(({ rows }) => rows)) : last?.read ?? 0,
    loaded: detail?.totals.loaded ?? last?.loaded ?? 0,
    rejected: detail?.totals.rejected ?? last?.rejected ?? 0,
    bytes: detail ? detail.totals.bytes + sum(reading.map(({ bytes }) => bytes)) : last?.bytes ?? 0,
    // What was tried again and has ended otherwise than well is remembered from the last look.
    retries: Math.max(last?.retries ?? 0, (detail?.totals.retries ?? 0) + sum(pending.map(({ attempt }) => attempt - 1))),
    partitions: detail?.partitions ?? last?.partitions ?? { total: 0, done: 0 },
    estimatedRows: detail?.estimatedRows ?? last?.estimatedRows ?? null,
    message: stream.message ?? detail?.message ?? null,
  };
}

/** A stream that is said to run and does not: another process has a file open, or somebody has stopped its activities in Temporal itself. */
const lockedFile = (pending: readonly Pending[]): string | null => pending.find(({ failure }) => failure?.type === 'FileLockedError')?.failure?.message ?? null;

const stoppedAll = (pending: readonly Pending[]): string | null => (pending.every(({ state }) => state === 'paused') ? stoppedSome(pending) : null);

function stoppedSome(pending: readonly Pending[]): string | null {
  const stopped = pending.filter(({ state }) => state === 'paused').map(({ activityId }) => activityId);
  return stopped.length === 0 ? null : pausedInTemporal(stopped);
}

/** Pressed in the Web UI, or `temporal activity pause`: no word of Millrace's takes it back. */
export const pausedInTemporal = (activityIds: readonly string[]): string =>
  `${activityIds.join(', ')} ${activityIds.length === 1 ? 'was' : 'were'} paused in Temporal itself; unpause ${activityIds.length === 1 ? 'it' : 'them'} there ("temporal activity unpause", or Pending Activities in its Web UI)`;

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
