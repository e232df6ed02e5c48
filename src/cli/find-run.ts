import type { Client } from '@temporalio/client';
import { EtlError } from '../domain/errors';
import { holderOf } from './follow';
import { findRunning } from './running';

/** For `--help`. */
export const namesARun = 'id of a run, or name of a pipeline for the run that is going on';

class RunUnknownError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

/** A run as a person names it: its id, or its pipeline's name for the run that is going on. */
export async function findRun(client: Client, word: string): Promise<string> {
  if (word.includes('/')) return word;
  // The pipeline's lock knows it first; without a worker it does not answer, but the server still lists the run.
  const holder = await holderOf(client, word) ?? (await findRunning(client, word)).at(-1)?.runId ?? null;
  if (holder !== null) return holder;
  throw new RunUnknownError(`looking for a run of "${word}": none is going on; "millrace status ${word}" lists those that have ended`, { pipeline: word });
}
