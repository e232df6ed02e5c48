import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Environment } from '../config/environment';
import { slug } from '../domain/ids';
import { readTimings } from '../stores/timings';
import { findServer } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { holderOf, isNotFound } from './follow';
import { findOneStored, openStore } from './open-store';
import type { Terminal } from './terminal';

interface Entry {
  /** ISO instant. */
  readonly at: string;
  readonly what: string;
  readonly said: string;
}

/** `logs RUN`: what happened in a run, line by line: from Temporal's history while it lasts, else from the times in staging. */
export async function logs(word: string, follow: boolean, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await findServer(environment);
  try {
    const runId = await nameOf(word, server?.client ?? null, environment);
    const told = new Set<string>();
    for (;;) {
      const { entries, going } = (server && await historyOf(server.client, runId)) ?? { entries: await storedOf(runId, environment), going: false };
      for (const entry of entries) tellOnce(entry, told, terminal);
      if (!follow || !going) return exitCodes.success;
      await sleep(2000);
    }
  } finally {
    await server?.close();
  }
}

async function nameOf(word: string, client: Client | null, environment: Environment): Promise<string> {
  if (word.includes('/')) return word;
  const holder = client && await holderOf(client, word);
  return holder ?? (await findOneStored(await openStore(environment, word), word)).run.workflowId;
}

function tellOnce({ at, what, said }: Entry, told: Set<string>, terminal: Terminal): void {
  const key = `${at} ${what} ${said}`;
  if (told.has(key)) return;
  told.add(key);
  terminal.event('log', { at, what, said });
  terminal.say(`${at.slice(0, 10)} ${at.slice(11, 19)}  ${what.padEnd(28)} ${said}`);
}

/** Null: Temporal does not know it, or no longer. */
async function historyOf(client: Client, runId: string): Promise<{ readonly entries: readonly Entry[]; readonly going: boolean } | null> {
  try {
    const { status } = await client.workflow.getHandle(runId).describe();
    const own = await entriesOf(client, runId, 'run');
    const streams = await Promise.all(own.children.map((id) => entriesOf(client, id, slug(id.split('/').at(-1)!)).then(({ entries }) => entries, () => [])));
    return { entries: [...own.entries, ...streams.flat()].sort((left, right) => left.at.localeCompare(right.at)), going: status.name === 'RUNNING' };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

async function storedOf(runId: string, environment: Environment): Promise<readonly Entry[]> {
  const staging = await openStore(environment, runId);
  const timings = await readTimings(staging, (await findOneStored(staging, runId)).run);
  return timings.map(({ finishedAt, startedAt, activity, stream, part, attempt }) => ({
    at: finishedAt, what: [stream, part].filter((one) => one !== null).join('/') || 'run', said: doneText(activity, startedAt, finishedAt, attempt),
  })).sort((left, right) => left.at.localeCompare(right.at));
}

const doneText = (activity: string, startedAt: string, finishedAt: string, attempt: number): string =>
  `${activity} done in ${((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s${attempt > 1 ? `, at attempt ${attempt}` : ''}`;

type Time = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined;
const instant = (time: Time): string => new Date(Number(time?.seconds ?? 0) * 1000 + Math.floor((time?.nanos ?? 0) / 1e6)).toISOString();

/** Events as a person reads them; payloads are not looked into. */
async function entriesOf(client: Client, workflowId: string, name: string): Promise<{ readonly entries: readonly Entry[]; readonly children: readonly string[] }> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const entries: Entry[] = [];
  const children: string[] = [];
  const activities = new Map<string, { id: string; startedAt: string; attempt: number }>();
  for (const event of events ?? []) {
    const at = instant(event.eventTime);
    const say = (what: string, said: string): void => { entries.push({ at, what, said }); };
    const of = (id: unknown) => activities.get(String(id)) ?? { id: name, startedAt: at, attempt: 1 };
    if (event.workflowExecutionStartedEventAttributes) say(name, 'started');
    else if (event.activityTaskScheduledEventAttributes) activities.set(String(event.eventId), { id: event.activityTaskScheduledEventAttributes.activityId ?? '', startedAt: at, attempt: 1 });
    else if (event.activityTaskStartedEventAttributes) {
      const { scheduledEventId, attempt, lastFailure } = event.activityTaskStartedEventAttributes;
      const activity = of(scheduledEventId);
      activities.set(String(scheduledEventId), { ...activity, startedAt: at, attempt: attempt ?? 1 });
      if (lastFailure?.message) say(activity.id, `failed before attempt ${attempt}: ${lastFailure.message}`);
    } else if (event.activityTaskCompletedEventAttributes) {
      const { id, startedAt, attempt } = of(event.activityTaskCompletedEventAttributes.scheduledEventId);
      say(id, doneText('', startedAt, at, attempt).trim());
    } else if (event.activityTaskFailedEventAttributes) say(of(event.activityTaskFailedEventAttributes.scheduledEventId).id, `failed: ${event.activityTaskFailedEventAttributes.failure?.message ?? ''}`);
    else if (event.activityTaskTimedOutEventAttributes) say(of(event.activityTaskTimedOutEventAttributes.scheduledEventId).id, 'timed out: its worker fell silent');
    else if (event.activityTaskCanceledEventAttributes) say(of(event.activityTaskCanceledEventAttributes.scheduledEventId).id, 'stopped as asked');
    else if (event.workflowExecutionSignaledEventAttributes) say(name, `signal ${event.workflowExecutionSignaledEventAttributes.signalName}`);
    else if (event.workflowExecutionUpdateAcceptedEventAttributes) say(name, `update ${event.workflowExecutionUpdateAcceptedEventAttributes.acceptedRequest?.input?.name ?? ''}`);
    else if (event.childWorkflowExecutionStartedEventAttributes) {
      const id = event.childWorkflowExecutionStartedEventAttributes.workflowExecution?.workflowId ?? '';
      if (id.startsWith(`${workflowId}/`)) children.push(id);
    } else if (event.workflowExecutionCompletedEventAttributes) say(name, 'completed');
    else if (event.workflowExecutionFailedEventAttributes) say(name, `failed: ${event.workflowExecutionFailedEventAttributes.failure?.message ?? ''}`);
    else if (event.workflowExecutionCanceledEventAttributes) say(name, 'cancelled');
    else if (event.workflowExecutionTerminatedEventAttributes) say(name, 'ended from outside');
  }
  return { entries, children };
}

export const addLogs: AddCommand = ({ command, does }) => command('logs', 'Tell what happened in a run, line by line', 'millrace logs orders --follow')
  .argument('<run>', 'id of a run, or name of a pipeline for the run that goes on, else its newest')
  .option('--follow', 'until the run has ended')
  .action(does(({ environment, terminal }, word: string, flags: { readonly follow?: boolean }) => logs(word, flags.follow === true, environment, terminal)));
