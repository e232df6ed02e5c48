import path from 'node:path';
import { readEnvironment } from '../config/environment';
import { clearNote, forgetNote, writeNote, type FoundEnvironment } from './environment-note';
import { lockHome } from './home-lock';
import { keepTemporal } from './kept-temporal';
import { keepWorker } from './kept-worker';
import { startPostgres } from './postgres';

export interface StartedEnvironment extends FoundEnvironment {
  readonly workerPid: () => number;
  stop(): Promise<void>;
}

export interface EnvironmentOptions {
  readonly home: string;
  readonly postgres: boolean;
  /** Whether it stays when the command that started it has done its work; a `run`'s does not. */
  readonly lasting?: boolean;
  /** Gives up the start; what has started is ended. */
  readonly signal?: AbortSignal;
  log(line: string): void;
}

/** Temporal, a worker that is started again when it dies, and a Postgres where asked; all of it ends with `stop`, and with this process. */
export async function startEnvironment(options: EnvironmentOptions): Promise<StartedEnvironment> {
  const { home, signal } = options;
  const lock = await lockHome(options);
  clearNote(home);
  const stops = [async () => lock.release()];
  const forget = () => forgetNote(home);
  process.once('exit', forget);
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= (async () => {
    forget();
    process.off('exit', forget);
    for (const end of stops.reverse()) await end();
  })());
  try {
    return { ...await start(options, { file: lock.file, signal }, (end) => { stops.push(end); }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start({ home, postgres, lasting = true, log }: EnvironmentOptions, tie: { readonly file: number; readonly signal: AbortSignal | undefined }, stopWith: (end: () => Promise<void>) => void): Promise<Omit<StartedEnvironment, 'stop'>> {
  const configured = readEnvironment().temporal;
  const kept = <Part extends { stop(): Promise<void> }>(part: Part): Part => {
    stopWith(() => part.stop());
    tie.signal?.throwIfAborted();
    return part;
  };
  const database = postgres ? kept(await startPostgres({ folder: path.join(home, 'postgres'), tie, log })) : null;
  const temporal = configured.configured ? null : kept(await keepTemporal({ folder: path.join(home, 'temporal'), tools: path.join(home, 'tools'), tie, log }));
  const address = temporal?.address ?? String(configured.connection.address);
  const variables = { TEMPORAL_ADDRESS: address, MILLRACE_HOME: home, ...(database && { MILLRACE_DEMO_POSTGRES: database.url }) };
  const worker = kept(await keepWorker({ home, variables, tie, log }));
  const found: FoundEnvironment = { address, namespace: configured.namespace, uiUrl: temporal?.uiUrl ?? null, postgresUrl: database?.url ?? null, lasting };
  writeNote(home, found);
  return { ...found, workerPid: worker.pid };
}
