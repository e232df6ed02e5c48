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
}

/** A worker hears it on its next heartbeat, two seconds at most; longer means that none is there. */
const longest = 15_000;

interface Answer {
  readonly state: RunState | 'ended';
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
function heard({ state, figures }: Answer, runId: string, { reached, asked }: SignalRunInput): string {
  const waits = figures ? waitsOf(figures, runId) : null;
  const next = waits ? nextSentence(waits) : null;
  const said = `run ${runId} is ${state === 'ended' ? 'ended' : spokenState(state)}`;
  if (reached(state)) return next && state === 'paused' ? `${said}; ${next}` : said;
  const why = [...new Set(waits?.streams.flatMap(({ message }) => message ?? []))].slice(0, 3);
  return [`run ${runId} was told to be ${asked} and is still ${spokenState(state as RunState)}${why.length > 0 ? `: ${why.join('; ')}` : ''}`, ...(next ? [next] : [])].join('\n');
}

/** Null: no worker has answered. */
async function answerOf(client: Client, runId: string, { reached, patience = longest }: SignalRunInput): Promise<Answer | null> {
  const begun = Date.now();
  let last: Answer | null = null;
  while (Date.now() - begun < (last ? patience : longest)) {
    const { status } = await client.workflow.getHandle(runId).describe();
    const figures = status.name === 'RUNNING' ? await askFigures(client, runId, null) : null;
    if (status.name !== 'RUNNING') last = { state: 'ended', figures };
    else if (figures) last = { state: figures.state, figures };
    if (last && reached(last.state)) return last;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return last;
}
