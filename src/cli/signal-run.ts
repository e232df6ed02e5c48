import type { Client } from '@temporalio/client';
import type { Environment } from '../config/environment';
import type { RunState } from '../domain/receipt';
import { needServer } from './connect';
import { findRun } from './find-run';
import { exitCodes, type ExitCode } from './exit-codes';
import { RunEndedError } from './ask-run';
import { askFigures, isNotFound } from './follow';
import { missingWorker } from './stalled';
import type { Terminal } from './terminal';
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
}

/** A worker hears it on its next heartbeat, two seconds at most; longer means that none is there. */
const patience = 15_000;

/** Finds the run, sends, and says what has become of it; sending again does no harm. */
export async function signalRun({ word, environment, terminal, send, reached, asked }: SignalRunInput): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    const runId = await findRun(server.client, word);
    await send(server.client, runId).catch((error: unknown) => {
      if (isNotFound(error)) throw new RunEndedError(`run "${runId}" is not going on; see "millrace status ${runId}"`);
      throw error;
    });
    const state = await stateReached(server.client, runId, reached);
    const message = state === null ? `run ${runId} will be ${asked} as soon as a worker answers${await missingWorker(server.client, runId).then((missing) => (missing ? `: ${missing}` : ''))}` : `run ${runId} is ${state === 'ended' ? 'ended' : spokenState(state)}`;
    terminal.event('acknowledged', { run: runId, state, message });
    terminal.say(message);
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

async function stateReached(client: Client, runId: string, reached: (state: RunState | 'ended') => boolean): Promise<RunState | 'ended' | null> {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 300))) {
    const { status } = await client.workflow.getHandle(runId).describe();
    const state = status.name === 'RUNNING' ? (await askFigures(client, runId, null))?.state : 'ended';
    if (state !== undefined && reached(state)) return state;
  }
  return null;
}
