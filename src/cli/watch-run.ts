import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import pc from 'picocolors';
import type { RunSummary } from '../domain/receipt';
import { balanceTable, remarks } from './balance-table';
import type { Server } from './connect';
import { exitCodeOfArea, exitCodeOfSummary, exitCodes, type ExitCode } from './exit-codes';
import { askFigures, type Figures } from './follow';
import { outcomeOf, type Outcome } from './outcome';
import { openProgress } from './progress';
import { answers, throughOutages } from './server-away';
import { missingWorker } from './stalled';
import { createNews } from './news';
import type { Terminal } from './terminal';
import { nextSentence, waitsOf, type Waits } from './waits';
import { colouredState } from './words';
import { wrapped } from './wrapped';

export interface WatchInput {
  readonly runId: string;
  readonly handle: WorkflowHandle;
  /** Pipeline file, for the line that says how to attach again. */
  readonly file: string;
  readonly taskQueue: string;
  readonly server: Server;
  readonly terminal: Terminal;
}

const lookEvery = 700;
/** Looks without an answer before it is said that no worker is there. */
const patience = 3;

type Ending = Outcome | { readonly kind: 'waits'; readonly waits: Waits } | { readonly kind: 'detached' };

/** Watches a run to its end, until it waits for a person, or to Ctrl-C. A pause is watched: who made it knows, and ends it. `busy`: it was refused, since another run holds the pipeline. */
export async function watchRun(input: WatchInput): Promise<ExitCode | 'busy'> {
  const ending = await firstEnding(input);
  switch (ending.kind) {
    case 'busy': return 'busy';
    case 'summary': return tellSummary(ending.summary, input);
    case 'waits': return tellWaiting(ending.waits, input);
    case 'detached': return tellDetached(input);
    case 'terminated': return tellEnd(input, 'was ended at once; what it had not published is settled by the next run', exitCodes.cancelled);
    case 'failed': return tellEnd(input, `failed: ${ending.message}`, exitCodeOfArea(ending.area));
  }
}

async function firstEnding(input: WatchInput): Promise<Ending> {
  const stop = new AbortController();
  const interrupt = listenForInterrupt();
  try {
    return await Promise.race([throughOutages(() => outcomeOf(input.handle)), look(input, stop.signal), interrupt.pressed]);
  } finally {
    stop.abort();
    interrupt.forget();
  }
}

/** Draws the progress until told to stop; ends by itself only where the run waits for a person. */
async function look({ runId, taskQueue, server, terminal }: WatchInput, stop: AbortSignal): Promise<Ending> {
  const view = openProgress(terminal);
  const news = createNews();
  stop.addEventListener('abort', () => view.stop(), { once: true });
  let figures: Figures | null = null;
  let unanswered = 0;
  for (;;) {
    await pause(lookEvery, stop);
    const found = await askFigures(server.client, runId, figures);
    if (stop.aborted) return new Promise(() => undefined);
    if (found && unanswered >= patience) view.note('it answers again');
    unanswered = found ? 0 : unanswered + 1;
    if (unanswered === patience) view.note(pc.yellow(await whySilent(runId, taskQueue, server)));
    if (!found) continue;
    figures = found;
    const waits = waitsOf(found, runId);
    if (waits && (waits.state === 'held' || waits.state === 'waiting_approval')) return { kind: 'waits', waits };
    for (const line of news.of(found)) view.note(line);
    if (news.begins(waits)) terminal.event(waits!.state, { run: runId, ...waits! });
    view.show(found);
  }
}

/** The server itself, or no worker, or one that cannot go on with it. */
async function whySilent(runId: string, taskQueue: string, { client, address }: Server): Promise<string> {
  if (!(await answers(client))) return `Temporal at "${address}" does not answer; the run stands still until it does, and is watched on then`;
  return (await missingWorker(client, runId)) ?? `no worker answers on task queue "${taskQueue}"; the run waits for one: start "millrace worker" or "millrace dev"`;
}

/** Never comes back once stopped: the race it runs in is over. */
const pause = (time: number, stop: AbortSignal): Promise<void> =>
  sleep(time, undefined, { signal: stop }).catch(() => new Promise<never>(() => undefined));

function listenForInterrupt(): { readonly pressed: Promise<Ending>; forget(): void } {
  let listener: () => void = () => undefined;
  const pressed = new Promise<Ending>((resolve) => { listener = () => resolve({ kind: 'detached' }); });
  process.once('SIGINT', listener);
  return { pressed, forget: () => process.off('SIGINT', listener) };
}

function tellSummary(summary: RunSummary, { runId, terminal }: WatchInput): ExitCode {
  terminal.event('summary', { summary });
  terminal.say(`\nrun ${runId}: ${colouredState(summary.state)}\n\n${balanceTable(summary)}`);
  const said = remarks(summary);
  if (said.length > 0) terminal.say(`\n${said.map((line) => `- ${line}`).join('\n')}`);
  return exitCodeOfSummary(summary);
}

/** It waits for a person, for days perhaps: whoever watches is told how to go on, and let go. */
function tellWaiting(waits: Waits, { runId, file, server, terminal }: WatchInput): ExitCode {
  const { state, streams } = waits;
  // Its server ends with this command; the run stands still until there is one again.
  const first = state === 'held' ? `millrace run ${file}` : 'millrace dev';
  const next = server.own ? [first, ...waits.next.slice(state === 'held' ? 1 : 0)] : waits.next;
  terminal.event(state, { run: runId, ...waits, next });
  terminal.say(`\n${wrapped(`run ${runId} ${state === 'held' ? `is ${pc.yellow('held')}` : pc.yellow('waits for an approval')}: it waits for you, and nothing is lost`)}`);
  for (const { stream, message } of streams) terminal.say(wrapped(message ?? 'it waits', `- ${stream}: `));
  if (server.own && state !== 'held') terminal.say('keep a server up with "millrace dev" in another terminal; then');
  terminal.say(wrapped(nextSentence(server.own && state === 'held' ? { ...waits, next } : waits)!));
  return exitCodes.held;
}

function tellDetached({ runId, file, server, terminal }: WatchInput): ExitCode {
  const message = server.own
    ? `stopped watching; run ${runId} stands still until "millrace run ${file}" goes on with it`
    : `stopped watching; run ${runId} goes on: watch it with "millrace run ${file}", end it with "millrace cancel ${runId}"`;
  terminal.event('detached', { run: runId, message });
  terminal.say(`\n${message}`);
  return exitCodes.detached;
}

function tellEnd({ runId, terminal }: WatchInput, how: string, exitCode: ExitCode): ExitCode {
  terminal.event('error', { run: runId, message: `run ${runId} ${how}`, exitCode });
  terminal.say(`\nrun ${runId} ${how}`);
  return exitCode;
}
