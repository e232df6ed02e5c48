import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import pc from 'picocolors';
import type { RunSummary } from '../domain/receipt';
import { balanceTable, remarks } from './balance-table';
import type { Server } from './connect';
import { exitCodeOfArea, exitCodeOfSummary, exitCodes, type ExitCode } from './exit-codes';
import { askFigures, type Figures } from './follow';
import { outcomeOf, type Outcome } from './outcome';
import { onceEach, openProgress } from './progress';
import type { Terminal } from './terminal';
import { colouredState } from './words';

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

type Ending = Outcome | { readonly kind: 'held'; readonly figures: Figures } | { readonly kind: 'detached' };

/** Watches a run to its end, to a hold, or to Ctrl-C. `busy`: it was refused, since another run holds the pipeline. */
export async function watchRun(input: WatchInput): Promise<ExitCode | 'busy'> {
  const ending = await firstEnding(input);
  switch (ending.kind) {
    case 'busy': return 'busy';
    case 'summary': return tellSummary(ending.summary, input);
    case 'held': return tellHeld(ending.figures, input);
    case 'detached': return tellDetached(input);
    case 'terminated': return tellEnd(input, 'was ended at once; what it had not published is settled by the next run', exitCodes.cancelled);
    case 'failed': return tellEnd(input, `failed: ${ending.message}`, exitCodeOfArea(ending.area));
  }
}

async function firstEnding(input: WatchInput): Promise<Ending> {
  const stop = new AbortController();
  const interrupt = listenForInterrupt();
  try {
    return await Promise.race([outcomeOf(input.handle), look(input, stop.signal), interrupt.pressed]);
  } finally {
    stop.abort();
    interrupt.forget();
  }
}

/** Draws the progress until told to stop; ends by itself only where the run waits for a person. */
async function look({ runId, taskQueue, server, terminal }: WatchInput, stop: AbortSignal): Promise<Ending> {
  const view = onceEach(openProgress(terminal));
  stop.addEventListener('abort', () => view.stop(), { once: true });
  let figures: Figures | null = null;
  let unanswered = 0;
  for (;;) {
    await pause(lookEvery, stop);
    const found = await askFigures(server.client, runId, figures);
    if (stop.aborted) return new Promise(() => undefined);
    unanswered = found ? 0 : unanswered + 1;
    if (unanswered === patience) view.note(pc.yellow(`no worker answers on task queue "${taskQueue}"; the run waits for one: start "millrace worker" or "millrace dev"`));
    if (!found) continue;
    figures = found;
    if (found.message) view.note(found.message);
    view.show(found);
    if (found.state === 'held') return { kind: 'held', figures: found };
  }
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

function tellHeld({ streams }: Figures, { runId, file, server, terminal }: WatchInput): ExitCode {
  const held = streams.filter(({ state }) => state === 'held').map(({ stream, message }) => ({ stream, message }));
  const next = server.own ? `millrace run ${file}` : `millrace resume ${runId}`;
  terminal.event('held', { run: runId, streams: held, next });
  terminal.say(`\nrun ${runId} is ${pc.yellow('held')}: it waits for you, and nothing is lost\n${held.map(({ stream, message }) => `- ${stream}: ${message}`).join('\n')}`);
  terminal.say(`mend that, then go on with "${next}", or give up with "millrace cancel ${runId}"`);
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
