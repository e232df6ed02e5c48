import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../config/environment';
import { EtlError } from '../domain/errors';
import { holderOfRun, knownElsewhere } from '../stores/elsewhere';
import { openNamedStaging, openStaging } from '../stores/open-staging';
import { isNamed, listRuns, type StoredRun } from '../stores/runs';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';

class NothingStoredError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

/** The staging that holds the newest run that a word names: that of this home, or one that a pipeline named. */
export async function openStore(environment: Environment, word: string): Promise<StagingStore> {
  const [own, ...named] = (await openStores(environment)).map((staging) => ({ staging }));
  return (await holderOfRun([own!, ...named], word)).staging;
}

/** That of this home, and those that pipelines named which its worker has run; looking creates none. */
export async function openStores(environment: Environment): Promise<readonly StagingStore[]> {
  const { home } = environment;
  if (!hasStore(environment)) throw new NothingStoredError(`looking into "${home}": nothing has run there yet; go to the folder of the project, or name its home with MILLRACE_HOME`, { home });
  const own = await openStaging(environment);
  const named = await Promise.all((await knownElsewhere(own)).map((address) => openNamedStaging(address, environment).catch((error: Error) => leaveOut(address, error))));
  return [own, ...named.filter((staging) => staging !== null)];
}

/** A bucket that is gone, or that this shell has no credentials for, must not hide what lies in the others. */
function leaveOut(address: string, error: Error): null {
  process.stderr.write(`runs that lie in ${address.replace(/\?.*/, '')} are left out: ${error.message}\n`);
  return null;
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
