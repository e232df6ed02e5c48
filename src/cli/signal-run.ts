import type { Client } from '@temporalio/client';
import type { Environment } from '../config/environment';
import type { RunState } from '../domain/receipt';
import { needServer } from './connect';
import { findRun } from './find-run';
import { exitCodes, type ExitCode } from './exit-codes';
import { RunEndedError } from './ask-run';
import { askFigures, isNotFound, type Figures } from './follow';
import { missingWorker } from './stalled';
import type { Terminal } from './terminal';
import { nextSentence, waitsOf } from './waits';
import { spokenState } from './words';

export interface SignalRunInput {
  readonly word: string;
  readonly environment: Environment;
  readonly terminal: Terminal;
  /** Sends what is asked for. */
  send(client: Client, runId: string): Promise<void>;
  /** The state that shows it has been heard. */
  reached(state: RunState | 'ended'): boolean;
  /** `paused`, for the sentence where it has not been heard in time. */
  readonly asked: string;
  /** How long to wait for that state where a worker answers; milliseconds. */
  readonly patience?: number;
  /** Look once more after this long: what was tried again may fail at once. Milliseconds. */
  readonly steady?: number;
}

/** A worker hears it on its next heartbeat, two seconds at most; longer means that none is there. */
const longest = 15_000;

interface Answer {
  readonly state: RunState | 'ended';
  /** `cancelled`, as Temporal says it. */
  readonly end: string;
  /** Null: it has ended. */
  readonly figures: Figures | null;
}

/** Finds the run, sends, and says what has become of it; sending again does no harm. */
export async function signalRun(input: SignalRunInput): Promise<ExitCode> {
  const { word, environment, terminal, send } = input;
  const server = await needServer(environment);
  try {
    const runId = await findRun(server.client, word);
    await send(server.client, runId).catch((error: unknown) => {
      if (isNotFound(error)) throw new RunEndedError(`asking run "${runId}": it is not going on; see "millrace status ${runId}"`);
      throw error;
    });
    const answer = await answerOf(server.client, runId, input);
    const message = answer ? heard(answer, runId, input) : `run ${runId} will be ${input.asked} as soon as a worker answers${await missingWorker(server.client, runId).then((missing) => (missing ? `: ${missing}` : ''))}`;
    const waits = answer?.figures ? waitsOf(answer.figures, runId) : null;
    terminal.event('acknowledged', { run: runId, state: answer?.state ?? null, message, next: waits?.next ?? [] });
    terminal.say(message);
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

/** What is, and what a person does about it where it is not what was asked for. */
function heard({ state, end, figures }: Answer, runId: string, { reached, asked }: SignalRunInput): string {
  const waits = figures ? waitsOf(figures, runId) : null;
  const next = waits ? nextSentence(waits) : null;
  const said = state === 'ended' ? `run ${runId} has ended: ${end}` : `run ${runId} is ${spokenState(state)}`;
  if (reached(state)) return next && state === 'paused' ? `${said}; ${next}` : said;
  const why = [...new Set(waits?.streams.flatMap(({ message }) => message ?? []))].slice(0, 3);
  return [`run ${runId} was told to be ${asked} and is still ${spokenState(state as RunState)}${why.length > 0 ? `: ${why.join('; ')}` : ''}`, ...(next ? [next] : [])].join('\n');
}

/** Null: no worker has answered. */
async function answerOf(client: Client, runId: string, { reached, patience = longest, steady }: SignalRunInput): Promise<Answer | null> {
  const begun = Date.now();
  let last: Answer | null = null;
  while (Date.now() - begun < (last ? patience : longest)) {
    last = (await look(client, runId)) ?? last;
    if (last && reached(last.state)) {
      if (steady === undefined || last.state === 'ended') return last;
      await new Promise((resolve) => setTimeout(resolve, steady));
      return (await look(client, runId)) ?? last;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return last;
}

/** Null: no worker answers. */
async function look(client: Client, runId: string): Promise<Answer | null> {
  const { status } = await client.workflow.getHandle(runId).describe();
  if (status.name !== 'RUNNING') return { state: 'ended', end: status.name.toLowerCase().replace('canceled', 'cancelled'), figures: null };
  const figures = await askFigures(client, runId, null);
  return figures && { state: figures.state, end: '', figures };
}
