import pc from 'picocolors';
import type { Client } from '@temporalio/client';
import type { Environment } from '../../config/environment';
import { accountFor, type Fate, type InstantAccount, type Pause } from '../../domain/instants';
import { spokenPolicy, spokenTimes, wholeSeconds } from '../../domain/schedule';
import { needServer } from '../connect';
import { exitCodes, type ExitCode } from '../exit-codes';
import type { Terminal } from '../terminal';
import { plural } from '../words';
import { allApplied, fileDiffers, type Applied } from './applied';
import { withSchedule } from './control';
import { matchingTimes, scheduledRuns } from './runs';
import { spokenInstant } from './spoken';

const day = 86_400_000;

/** `schedule list`: every schedule, when it runs next, and whether its file has changed since. */
export async function listSchedules(environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    const found = await allApplied(server.client);
    for (const applied of found) await tellSchedule(applied, terminal);
    if (found.length === 0) terminal.say('nothing is scheduled; schedule a pipeline with "millrace schedule apply FILE"');
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

/** `schedule list PIPELINE`: each instant of a range: ran, skipped, paused or missed, and which run read its rows. */
export const listInstants = (pipeline: string, range: { readonly from: Date | null; readonly to: Date | null }, environment: Environment, terminal: Terminal): Promise<ExitCode> => withSchedule(pipeline, environment, async (applied, { client }) => {
  await tellSchedule(applied, terminal);
  const to = range.to ?? new Date();
  const accounts = await accountsOf(applied, client, environment, range.from ?? new Date(to.getTime() - day), to);
  terminal.event('instants', { schedule: pipeline, instants: accounts });
  terminal.say('');
  for (const account of accounts) terminal.say(lineOf(account));
  if (accounts.length === 0) terminal.say('no instant lies in this range; name another with --from and --to');
  return exitCodes.success;
});

/** Instants since the schedule has the times it has, and whatever else it ran in the range: by other times, or triggered. */
export async function accountsOf({ pipeline, schedule, note, description }: Applied, client: Client, environment: Environment, from: Date, to: Date): Promise<readonly InstantAccount[]> {
  const now = new Date();
  const until = to < now ? to : now;
  // Whole seconds: an instant of that same second lies before the schedule, and so does one that came while the server still made it.
  const since = new Date(Math.max(Date.parse(note.timesSince) + 1000, Math.ceil(description.info.createdAt.getTime() / 1000) * 1000));
  // A run that went on for days may stand in the way of an instant.
  const runs = await scheduledRuns(client, environment, pipeline, new Date(from.getTime() - 7 * day));
  const due = await matchingTimes(client, pipeline, since > from ? since : from, until);
  const ran = runs.map(({ nominal }) => nominal).filter((nominal) => nominal >= wholeSeconds(from) && nominal <= wholeSeconds(until));
  return accountFor({
    instants: [...new Set([...due, ...ran])].sort(), runs, overlap: schedule.overlap, now: now.toISOString(), catchup: schedule.catchup,
    pauses: pausesOf(note.pauses, description, until),
  });
}

/** A pause that was pressed in the Web UI says only that it is on: it is counted from the last run. */
function pausesOf(known: readonly Pause[], { state, info }: Applied['description'], until: Date): readonly Pause[] {
  if (!state.paused || known.some(({ to }) => to === null)) return known;
  const since = info.recentActions.at(-1)?.takenAt ?? info.createdAt;
  return since < until ? [...known, { from: since.toISOString(), to: null, by: 'Temporal', why: state.note ?? '' }] : known;
}

async function tellSchedule(applied: Applied, terminal: Terminal): Promise<void> {
  const { pipeline, schedule, note, description: { state, info } } = applied;
  const differs = await fileDiffers(applied);
  const [next] = state.paused ? [] : info.nextActionTimes;
  terminal.event('schedule', {
    schedule: pipeline, times: schedule, next: next ? wholeSeconds(next) : null, paused: state.paused, note: state.note ?? null, file: note.file, fileDiffers: differs, appliedAt: note.at, appliedBy: note.by,
    taken: info.numActionsTaken, skipped: info.numActionsSkippedOverlap, missed: info.numActionsMissedCatchupWindow, running: info.runningActions.map(({ workflow }) => workflow.workflowId),
  });
  terminal.say(`${pc.bold(pipeline)}  ${spokenTimes(schedule)}  ${state.paused ? pc.yellow(`paused${state.note ? ` (${state.note})` : ''}`) : next ? `next ${spokenInstant(next)}` : ''}`);
  terminal.say(`  ${spokenPolicy(schedule)}`);
  terminal.say(`  started ${plural(info.numActionsTaken, 'run')}, skipped ${info.numActionsSkippedOverlap}, missed ${info.numActionsMissedCatchupWindow}; applied ${note.at} by ${note.by} from ${note.file}`);
  const line = differenceLine(applied, differs);
  if (line) terminal.say(`  ${line}`);
}

/** What a person should know where the file is no longer what runs. */
export const differenceLine = ({ note }: Applied, differs: boolean | null): string | null =>
  differs === true ? pc.yellow(`the file has changed since: runs go by the text as applied; "millrace schedule apply ${note.file}"`) : differs === null ? pc.dim('the file is not on this machine') : null;

const colours: Readonly<Record<Fate, (text: string) => string>> = { ran: pc.green, waiting: pc.dim, skipped: pc.yellow, paused: pc.yellow, missed: pc.red };

function lineOf({ at, fate, why, run, data }: InstantAccount): string {
  const rows = fate === 'ran' || fate === 'waiting' ? '' : data ? `; its rows came with ${data}` : '; its rows come with the next run';
  return `${at}  ${colours[fate](fate.padEnd(7))}  ${why}${fate === 'ran' && run && !run.endsWith(at) ? ` (${run})` : ''}${rows}`;
}
