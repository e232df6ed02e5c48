import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { ApplicationFailure } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import type { Environment } from '../config/environment';
import { EtlError } from '../domain/errors';
import type { RunProgress } from '../workflows/messages';
import { needServer } from './connect';
import { exitCodes, type ExitCode } from './exit-codes';
import { findRun } from './find-run';
import { isNotFound } from './follow';
import { missingWorker } from './stalled';
import type { Terminal } from './terminal';
import { spokenState } from './words';

/** The run understood and refused. */
class RefusedError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'configuration';
}
export class RunEndedError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

/** An update that no worker answers would wait for ever; what was sent is still carried out when one comes back. */
const patience = 20_000;

export interface AskRunInput {
  /** Run id, or pipeline's name. */
  readonly word: string;
  readonly environment: Environment;
  readonly terminal: Terminal;
  readonly update: 'setConcurrency' | 'retryPartition' | 'skipPartition' | 'approve' | 'reject';
  readonly request: Readonly<Record<string, unknown>>;
  /** `orders 7 is tried again`, for the sentence that acknowledges it. */
  readonly done: string;
}

/** Sends an update once, whatever is tried again on the way, and says the state that results. */
export async function askRun({ word, environment, terminal, update, request, done }: AskRunInput): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    const runId = await findRun(server.client, word);
    const answer = await sendUpdate(server.client, runId, update, { by: whoAsks(), ...request });
    const message = answer === null
      ? `run ${runId} was told, and no worker has answered; it is carried out as soon as one does${await missingWorker(server.client, runId).then((missing) => (missing ? `: ${missing}` : ''))}`
      : `${done}; run ${runId} is ${spokenState(answer.state)}`;
    terminal.event('acknowledged', { run: runId, update, ...request, state: answer?.state ?? null, progress: answer, message });
    terminal.say(message);
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

/** Null: nobody has answered in time. */
async function sendUpdate(client: Client, runId: string, update: string, request: Readonly<Record<string, unknown>>): Promise<RunProgress | null> {
  const updateId = `${update}-${randomUUID()}`;
  const handle = client.workflow.getHandle(runId);
  const deadline = new Promise<null>((resolve) => { setTimeout(() => resolve(null), patience).unref(); });
  const answered = handle.executeUpdate<RunProgress, [unknown]>(update, { args: [request], updateId }).catch((error: unknown) => { throw asRefusal(error, runId); });
  answered.catch(() => undefined);
  return Promise.race([answered, deadline]);
}

function asRefusal(error: unknown, runId: string): unknown {
  if (isNotFound(error)) return new RunEndedError(`asking run "${runId}": it is not going on; see "millrace status ${runId}"`, { run: runId });
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ApplicationFailure ? new RefusedError(cause.message, { run: runId }) : error;
}

/** Who is written into the receipt. */
export function whoAsks(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}
