import type { Client } from '@temporalio/client';
import type { Environment } from '../config/environment';
import { EtlError } from '../domain/errors';
import { outcomeOfCause } from './outcome';

/** A question that only a worker can answer: it has the network and the secrets. */
export interface Question {
  /** Workflow type. */
  readonly workflow: string;
  /** `reading a sample`: begins the sentence where it fails. */
  readonly doing: string;
  readonly input: unknown;
}

/** Told with the area that the worker named, so that the exit code follows it. */
class AnswerError extends EtlError {
  readonly disposition = 'fail';
  constructor(message: string, readonly area: EtlError['area']) {
    super(message);
  }
}

/** A worker that does not take it up within this time is not there. */
const patience = '1 minute';
let asked = 0;

/** Id of a workflow that only answers: `plan/…`, apart from every run. */
export const questionId = (word: string): string => `${word}/${Date.now().toString(36)}-${process.pid}-${asked++}`;

export async function askWorker<Answer>(client: Client, { taskQueue }: Environment, question: Question): Promise<Answer> {
  try {
    return (await client.workflow.execute(question.workflow, {
      workflowId: questionId(question.workflow), taskQueue, args: [question.input], workflowExecutionTimeout: patience,
    })) as Answer;
  } catch (error) {
    throw answerError(error, question.doing, taskQueue);
  }
}

/** A question whose answer may take as long as reading a table; only that nobody takes it up is told early. */
export async function askAtLength<Answer>(client: Client, { taskQueue }: Environment, { workflow, doing, input }: Question, word: string = workflow): Promise<Answer> {
  const handle = await client.workflow.start(workflow, { workflowId: questionId(word), taskQueue, args: [input] });
  const unheard = setTimeout(() => void endIfUnheard().catch(() => undefined), 60_000);
  async function endIfUnheard(): Promise<void> {
    if ((await handle.describe()).historyLength <= 2) await handle.terminate('timed out: no worker');
  }
  try {
    return (await handle.result()) as Answer;
  } catch (error) {
    throw answerError(error, doing, taskQueue);
  } finally {
    clearTimeout(unheard);
  }
}

/** What a worker said, or that there is none. */
export function answerError(error: unknown, doing: string, taskQueue: string): Error {
  const outcome = outcomeOfCause(error instanceof Error && error.cause !== undefined ? error.cause : error);
  const late = outcome.kind !== 'failed' || /timed ?out|deadline/i.test(outcome.message);
  if (late) return new AnswerError(`${doing}: no worker on task queue "${taskQueue}" has answered in ${patience}; start "millrace worker" or "millrace dev"`, 'internal');
  return new AnswerError(outcome.message, outcome.area as EtlError['area']);
}

