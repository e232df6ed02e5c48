import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../../config/environment';
import { EtlError } from '../../domain/errors';
import type { Pause } from '../../domain/instants';
import { wholeSeconds, type Overlap } from '../../domain/schedule';
import { needServer, type Server } from '../connect';
import { exitCodes, type ExitCode } from '../exit-codes';
import { holderOf } from '../follow';
import type { Terminal } from '../terminal';
import { needApplied, optionsOf, whoAmI, type Applied, type AppliedNote } from './applied';
import { spokenInstant } from './spoken';

class TriggerRefusedError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

/** Pauses that are remembered, so that an instant in one can be told from a missed one. */
const remembered = 20;

/** Opens the schedule of a pipeline, works on it, and closes the connection. */
export async function withSchedule(pipeline: string, environment: Environment, work: (applied: Applied, server: Server) => Promise<ExitCode>): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    return await work(await needApplied(server.client, pipeline), server);
  } finally {
    await server.close();
  }
}

/** `schedule pause`: no run starts by itself; one that is going on goes on. Who and why are kept. */
export const pauseSchedule = (pipeline: string, why: string, environment: Environment, terminal: Terminal): Promise<ExitCode> => withSchedule(pipeline, environment, async (applied) => {
  const { paused, note } = applied.description.state;
  if (paused) return said(terminal, applied, `schedule ${pipeline} is paused already${note ? ` (${note})` : ''}`);
  const pause: Pause = { from: wholeSeconds(new Date()), to: null, by: whoAmI(), why };
  const text = `paused by ${pause.by} at ${pause.from}${why ? `: ${why}` : ''}`;
  await change(applied, [...applied.note.pauses, pause], { paused: true, note: text });
  return said(terminal, applied, `schedule ${pipeline} is paused; go on with "millrace schedule resume ${pipeline}"`);
});

/** `schedule resume`: what came due meanwhile is not run again; the next run reads from the checkpoint, so its rows come with that. */
export const resumeSchedule = (pipeline: string, why: string, environment: Environment, terminal: Terminal): Promise<ExitCode> => withSchedule(pipeline, environment, async (applied) => {
  if (!applied.description.state.paused) return said(terminal, applied, `schedule ${pipeline} is not paused`);
  const to = wholeSeconds(new Date());
  // A pause from the Web UI left no entry; how long it was is not known.
  const pauses = applied.note.pauses.map((pause) => (pause.to === null ? { ...pause, to } : pause));
  await change(applied, pauses, { paused: false, note: `resumed by ${whoAmI()} at ${to}${why ? `: ${why}` : ''}` });
  const [next] = (await applied.handle.describe()).info.nextActionTimes;
  return said(terminal, applied, `schedule ${pipeline} goes on${next ? `: next run ${spokenInstant(next)}` : ''}`);
});

function change({ handle, input, note, description }: Applied, pauses: readonly Pause[], state: { readonly paused: boolean; readonly note: string }): Promise<void> {
  const kept: AppliedNote = { ...note, pauses: pauses.slice(-remembered) };
  return handle.update(() => optionsOf(input, description.action.taskQueue, kept, state));
}

/** `schedule delete`: runs, receipts and checkpoints stay. */
export const deleteSchedule = (pipeline: string, environment: Environment, terminal: Terminal): Promise<ExitCode> => withSchedule(pipeline, environment, async (applied) => {
  await applied.handle.delete();
  return said(terminal, applied, `schedule ${pipeline} is deleted; runs, receipts and checkpoints stay`);
});

/** How long the server may take to start what was triggered. */
const patience = 10_000;

/** `schedule trigger`: a run now, never beside another one: it waits for the one that is going on, or is refused. */
export const triggerSchedule = (pipeline: string, overlap: Overlap | null, environment: Environment, terminal: Terminal): Promise<ExitCode> => withSchedule(pipeline, environment, async (applied, { client }) => {
  const chosen = overlap ?? applied.schedule.overlap;
  const ahead = applied.description.info.runningActions[0]?.workflow.workflowId ?? await holderOf(client, pipeline);
  if (ahead !== null && chosen === 'skip') throw new TriggerRefusedError(`triggering "${pipeline}": run "${ahead}" is going on, and overlap is skip; wait for it, or use --overlap buffer_one`, { pipeline, run: ahead });
  const before = applied.description.info.numActionsTaken;
  await applied.handle.trigger(chosen.toUpperCase() as 'SKIP' | 'BUFFER_ONE' | 'BUFFER_ALL');
  const runId = ahead === null ? await startedRun(applied, before) : null;
  terminal.event('triggered', { schedule: pipeline, overlap: chosen, run: runId, behind: ahead });
  terminal.say(ahead !== null ? `triggered: a run of "${pipeline}" starts when ${ahead} has ended` : runId ? `run ${runId} started; watch it with "millrace status ${runId}"` : `triggered; see "millrace schedule list ${pipeline}"`);
  return exitCodes.success;
});

async function startedRun({ handle }: Applied, before: number): Promise<string | null> {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(100)) {
    const { info } = await handle.describe();
    if (info.numActionsTaken > before) return info.recentActions.at(-1)?.action.workflow.workflowId ?? null;
  }
  return null;
}

function said(terminal: Terminal, { pipeline }: Applied, message: string): ExitCode {
  terminal.event('schedule', { schedule: pipeline, message });
  terminal.say(message);
  return exitCodes.success;
}
