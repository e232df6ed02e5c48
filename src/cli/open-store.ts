import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../config/environment';
import { EtlError } from '../domain/errors';
import { openStaging } from '../stores/open-staging';
import { isNamed, listRuns, type StoredRun } from '../stores/runs';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';

class NothingStoredError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

/** The staging store that the worker of this home writes; looking does not create one. */
export async function openStore(environment: Environment): Promise<StagingStore> {
  const { home } = environment;
  if (!hasStore(environment)) throw new NothingStoredError(`looking into "${home}": nothing has run there yet; go to the folder of the project, or name its home with MILLRACE_HOME`, { home });
  return openStaging(environment);
}

/** A folder of the home is there once something has run; a shared store always. */
export const hasStore = ({ home, staging }: Environment): boolean => staging !== undefined || existsSync(path.join(home, 'staging'));

/** Runs that a word names: one run by its id, or those of a pipeline; without a word all. Newest first. */
export async function findStored(staging: StagingStore, word: string | undefined): Promise<readonly StoredRun[]> {
  const [pipeline, run] = (word ?? '').split('/');
  const runs = await listRuns(staging, pipeline || null);
  const found = run === undefined ? runs : runs.filter((stored) => isNamed(stored.run, word!));
  if (word !== undefined && found.length === 0) throw new NothingStoredError(`looking for "${word}" in staging: nothing is known of it; "millrace status" lists what has run`, { word });
  return found;
}

/** The newest run that a word names. */
export const findOneStored = async (staging: StagingStore, word: string): Promise<StoredRun> => (await findStored(staging, word))[0]!;

/** DuckDB in this process, for reading staged files; loaded only by commands that do. */
export async function withSession<Result>({ home, memoryLimit, tempLimit, threads }: Environment, work: (session: Session) => Promise<Result>): Promise<Result> {
  const { openEngine } = require('../transforms/duckdb-engine') as typeof import('../transforms/duckdb-engine');
  const engine = await openEngine({ memoryLimit, tempLimit, threads, tempFolder: path.join(home, 'temp'), slots: 1 });
  try {
    return await engine.session(new AbortController().signal, work);
  } finally {
    await engine.close();
  }
}
