import { mkdirSync, readFileSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { inheritedEnvironment, readEnvironment } from '../config/environment';
import { isAlive, startServer, stopProcess, until } from './process';
import { startPostgres, type PostgresServer } from './postgres';
import { startTemporal } from './temporal';

export interface FoundEnvironment {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string | null;
  readonly postgresUrl: string | null;
}
export interface StartedEnvironment extends FoundEnvironment {
  readonly workerPid: () => number;
  stop(): Promise<void>;
}

interface Note extends FoundEnvironment {
  /** The process that keeps it up. */
  readonly pid: number;
}

const noteOf = (home: string): string => path.join(home, 'dev.json');

/** The environment that a living `millrace dev` or demo keeps up on this home. */
export async function findEnvironment(home: string): Promise<FoundEnvironment | null> {
  try {
    const note = JSON.parse(readFileSync(noteOf(home), 'utf8')) as Note;
    return isAlive(note.pid) ? note : null;
  } catch {
    return null;
  }
}

/** Temporal, a worker that is started again when it dies, and a Postgres where asked; all of it ends with `stop`. */
export async function startEnvironment({ home, postgres, log }: { readonly home: string; readonly postgres: boolean; log(line: string): void }): Promise<StartedEnvironment> {
  mkdirSync(home, { recursive: true });
  const configured = readEnvironment().temporal;
  const database: PostgresServer | null = postgres ? await startPostgres({ folder: path.join(home, 'postgres'), log }) : null;
  const temporal = configured.configured ? null : await startTemporal({ folder: path.join(home, 'temporal'), tools: path.join(home, 'tools'), log });
  const address = temporal?.address ?? String(configured.connection.address);
  const worker = await keepWorker(home, { TEMPORAL_ADDRESS: address, MILLRACE_HOME: home, ...(database && { MILLRACE_DEMO_POSTGRES: database.url }) }, log);
  const found: FoundEnvironment = { address, namespace: configured.namespace, uiUrl: temporal?.uiUrl ?? null, postgresUrl: database?.url ?? null };
  writeNote(home, { ...found, pid: process.pid });
  return {
    ...found,
    workerPid: worker.pid,
    async stop() {
      rmSync(noteOf(home), { force: true });
      await worker.stop();
      await temporal?.stop();
      await database?.stop();
    },
  };
}

function writeNote(home: string, note: Note): void {
  const draft = `${noteOf(home)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(note), { mode: 0o600 });
  renameSync(draft, noteOf(home));
}

interface KeptWorker {
  pid(): number;
  stop(): Promise<void>;
}

/** A worker process; whoever kills it sees the run go on with the next one. */
async function keepWorker(home: string, variables: Record<string, string>, log: (line: string) => void): Promise<KeptWorker> {
  const logFile = path.join(home, 'worker.log');
  writeFileSync(logFile, '');
  let stopped = false;
  let pid = 0;
  const readiness = () => readFileSync(logFile, 'utf8').split('"ready":true').length - 1;
  const start = () => {
    const child = startServer(process.execPath, [path.join(__dirname, '../worker.js')], logFile, { env: { UV_THREADPOOL_SIZE: '16', ...inheritedEnvironment(), ...variables } });
    pid = child.pid!;
    child.once('exit', (code, signal) => {
      if (stopped) return;
      log(`the worker ended (${signal ?? code}); it is started again (log: ${logFile})`);
      setTimeout(() => { if (!stopped) start(); }, 1000);
    });
    return child;
  };
  const child = start();
  await until(async () => readiness() > 0, child, `the worker (log: ${logFile})`);
  return {
    pid: () => pid,
    async stop() {
      stopped = true;
      await stopProcess(pid);
    },
  };
}
