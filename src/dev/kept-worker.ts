import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inheritedEnvironment } from '../config/environment';
import { startServer, stopProcess, until, type Tie } from './process';

export interface KeptWorker {
  pid(): number;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly home: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly tie: Tie;
  log(line: string): void;
}

/** A worker process; whoever kills it sees the run go on with the next one. */
export async function keepWorker({ home, variables, tie, log }: WorkerOptions): Promise<KeptWorker> {
  const logFile = path.join(home, 'worker.log');
  writeFileSync(logFile, '');
  let stopped = false;
  let pid = 0;
  const readiness = () => readFileSync(logFile, 'utf8').split('"ready":true').length - 1;
  const start = () => {
    const env = { UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2', ...inheritedEnvironment(), ...variables };
    // Killed rather than asked: it is made for that, and with its server gone it could wait long for an answer.
    const child = startServer(process.execPath, [path.join(__dirname, '../worker.js')], logFile, { env, tie, farewell: 'KILL' });
    pid = child.pid!;
    child.once('exit', (code, signal) => {
      if (stopped) return;
      setTimeout(() => {
        if (stopped) return;
        start();
        log(`the worker ended (${signal ?? code}); it is started again as process ${pid} (log: ${logFile})`);
      }, 1000);
    });
    return child;
  };
  const stop = async () => {
    stopped = true;
    await stopProcess(pid);
  };
  try {
    await until(async () => readiness() > 0, start(), `the worker (log: ${logFile})`, { signal: tie.signal });
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: () => pid, stop };
}
