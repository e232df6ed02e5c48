import pc from 'picocolors';
import type { Environment } from '../config/environment';
import type { RunState } from '../domain/receipt';
import type { RunProgress, StreamProgress } from '../workflows/messages';
import { needServer, type Server } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { endedOutside, leftBehind } from './ended-outside';
import { silentOf, silentText } from './fallen-silent';
import { findRun, namesARun } from './find-run';
import { ask, isNotFound, pausedInTemporal } from './follow';
import { pendingOf, type Pending } from './pending';
import { missingWorker } from './stalled';
import type { Terminal } from './terminal';
import { nextCommands } from './waits';
import { spokenSeconds } from './words';
import { wrapped } from './wrapped';

interface Reason {
  readonly what: string;
  readonly next: string | null;
}

/** `why RUN`: what a run waits for, and what a person can do about it. */
export async function why(word: string, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    const runId = await findRun(server.client, word);
    const { status, taskQueue } = await server.client.workflow.getHandle(runId).describe().catch((error: unknown) => {
      if (isNotFound(error)) throw new Error(`looking for run "${runId}": Temporal does not know it; "millrace status ${runId}" tells how it ended`);
      throw error;
    });
    const reasons = status.name === 'RUNNING' ? await reasonsOf(server, runId, taskQueue) : [await endOf(server, runId, status.name)];
    terminal.event('why', { run: runId, reasons });
    terminal.say(pc.bold(runId));
    for (const { what, next } of reasons.length > 0 ? reasons : [{ what: 'it waits for nothing: it is at work', next: `millrace status ${runId}` }]) {
      terminal.say(wrapped(what, '- '));
      // Each command on a line of its own, so that it can be copied.
      next?.split(', or ').forEach((command, at) => terminal.say(`  ${pc.dim(at === 0 ? 'next:' : '  or:')} ${command}`));
    }
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

/** It waits for nothing any more; where Temporal itself ended it, there is no receipt that could tell. */
async function endOf({ client }: Server, runId: string, status: string): Promise<Reason> {
  const outside = status === 'TERMINATED' || status === 'TIMED_OUT' ? await endedOutside(client, runId) : null;
  return outside ? { what: `it ${outside.how}; ${leftBehind}`, next: null } : { what: `it has ended: ${status.toLowerCase()}`, next: `millrace status ${runId}` };
}

async function reasonsOf({ client }: Server, runId: string, taskQueue: string): Promise<readonly Reason[]> {
  const progress = await ask<RunProgress>(client, runId, 'progress');
  if (!progress) return [{ what: `stalled: ${await missingWorker(client, runId) ?? `no worker answers on task queue "${taskQueue}"`}`, next: 'millrace worker, or millrace dev' }];
  const own: Reason[] = progress.state === 'queued' || progress.message ? [{ what: progress.message ?? 'it waits in line', next: progress.state === 'queued' ? `millrace status ${runId.split('/')[0]}` : nextOf(progress.state, runId) }] : [];
  const streams = await Promise.all(progress.streams.filter(({ state }) => !['queued', 'succeeded', 'failed', 'cancelled'].includes(state)).map(async ({ stream, workflowId }) => ({
    stream, detail: await ask<StreamProgress>(client, workflowId, 'streamProgress'), pending: await pendingOf(client, workflowId).catch(() => []),
  })));
  const found = [...own, ...streams.flatMap(({ stream, detail, pending }) => streamReasons(stream, detail, pending, runId, progress))];
  return progress.state === 'paused' && found.length === 0 ? [{ what: 'a person paused it', next: nextOf('paused', runId) }] : found;
}

function streamReasons(stream: string, detail: StreamProgress | null, pending: readonly Pending[], runId: string, { queue, worker }: RunProgress): readonly Reason[] {
  if (!detail) return [{ what: `${stream} is stalled: no worker answers on task queue "${queue}"${worker ? `; ${worker} began the run and has its staging` : ''}`, next: 'start that worker again' }];
  const waiting = detail.waiting.map(({ partition, state, message }): Reason => ({ what: `${stream}${partition === null ? '' : ` ${partition}`} ${state === 'held' ? 'is held' : 'waits for approval'}: ${message}`, next: nextOf(state, runId) }));
  const told = waiting.length === 0 && detail.message ? [{ what: `${stream}: ${detail.message}`, next: nextOf(detail.state, runId) }] : [];
  const bounds = detail.notes.filter((note) => /held back/.test(note)).map((note): Reason => ({ what: `${stream}: ${note}`, next: null }));
  const silent = silentOf(pending);
  return [...waiting, ...told, ...bounds, ...(silent ? [{ what: silentText(silent), next: null }] : []), ...pending.flatMap((one) => pendingReason(one, queue))];
}

/** A start that takes longer than this is not on its way. */
const patience = 5;

function pendingReason({ activityId, state, attempt, failure, since }: Pending, queue: string | null): readonly Reason[] {
  if (state === 'paused') return [{ what: pausedInTemporal([activityId]), next: null }];
  if (attempt > 1 && failure) return [{ what: `${activityId} is tried again (attempt ${attempt}): ${failure.message}`, next: null }];
  if (state === 'waiting' && since > patience) return [{ what: `${activityId} has waited ${spokenSeconds(since)} for a worker on task queue "${queue}"`, next: 'start a worker with that staging, or wait for a free one' }];
  return [];
}

function nextOf(state: RunState, runId: string): string | null {
  const next = nextCommands(state, runId);
  return next.length === 0 ? null : `${state === 'held' ? 'mend that, then ' : ''}${next.join(', or ')}`;
}

export const addWhy: AddCommand = ({ command, does }) => command('why', 'Say what a run waits for, and what to do about it', 'millrace why orders')
  .argument('<run>', namesARun)
  .action(does(({ environment, terminal }, word: string) => why(word, environment, terminal)));
