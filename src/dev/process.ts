import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Below the range from which systems take the ports of outgoing connections: what is free there stays free until a server has started. */
const [lowest, highest] = [20_000, 32_000];

/** `wanted` if nobody listens there, else any free port. */
export async function freePort(wanted = 0): Promise<number> {
  const candidates = [...(wanted === 0 ? [] : [wanted]), ...Array.from({ length: 50 }, () => randomInt(lowest, highest))];
  for (const port of candidates) if (await isFree(port)) return port;
  throw new Error(`looking for a free port: 50 ports between ${lowest} and ${highest} are taken`);
}

const isFree = (port: number): Promise<boolean> => new Promise((resolve) => {
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
});

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Asks until it is true; throws where the process has ended, is too slow or no longer wanted, and then ends it. */
export async function until(ready: () => Promise<boolean>, child: ChildProcess, what: string, { seconds = 60, signal }: { readonly seconds?: number; readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
  try {
    for (const deadline = Date.now() + seconds * 1000; ; ) {
      signal?.throwIfAborted();
      if (await ready()) return;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${what} ended with ${child.signalCode ?? `code ${child.exitCode}`} while it started`);
      if (Date.now() > deadline) throw new Error(`${what} did not answer within ${seconds} s`);
      await sleep(50);
    }
  } catch (error) {
    if (child.pid !== undefined) await stopProcess(child.pid, 'SIGTERM', 5);
    throw error;
  }
}

/** What ties a server to this process, so that it does not outlive it. */
export interface Tie {
  /** The file whose lock the server holds too; see home-lock.ts. */
  readonly file: number;
  /** Gives up a start. */
  readonly signal?: AbortSignal | undefined;
}

interface ServerOptions {
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly tie?: Tie | undefined;
  /** What a tied server is sent when this process has gone, even by SIGKILL. */
  readonly farewell?: 'TERM' | 'INT' | 'KILL';
}

/** A server in a process group of its own, so that Ctrl-C in the terminal reaches us first; its output goes to a file. */
export function startServer(command: string, args: readonly string[], logFile: string, { tie, farewell = 'TERM', ...options }: ServerOptions = {}): ChildProcess {
  const log = openSync(logFile, 'a');
  const [program = '', ...words] = tie && canBeTied() ? ['setpriv', '--pdeathsig', farewell, command, ...args] : [command, ...args];
  try {
    const child = spawn(program, words, { stdio: ['ignore', log, log, ...(program === 'setpriv' ? [tie!.file] : [])], detached: true, ...options });
    child.on('error', () => undefined);
    child.unref();
    if (tie) endWithUs(child, `SIG${farewell}`);
    return child;
  } finally {
    closeSync(log);
  }
}

let tieable: boolean | undefined;

/** The kernel tells a server that its parent has gone (Linux); elsewhere it is told as long as this process ends by its own doing. */
const canBeTied = (): boolean => (tieable ??= succeeds('setpriv', ['--pdeathsig', 'TERM', 'true']));

function endWithUs(child: ChildProcess, signal: NodeJS.Signals): void {
  const end = () => { child.kill(signal); };
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}

/** SIGTERM, then SIGKILL after `seconds`; returns when the process is gone. */
export async function stopProcess(pid: number, signal: NodeJS.Signals = 'SIGTERM', seconds = 20): Promise<void> {
  send(pid, signal);
  const deadline = Date.now() + seconds * 1000;
  while (isAlive(pid) && Date.now() < deadline) await sleep(25);
  send(pid, 'SIGKILL');
  while (isAlive(pid)) await sleep(25);
}

/** It may have ended a moment before. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export const succeeds = (command: string, args: readonly string[], env?: NodeJS.ProcessEnv): boolean => spawnSync(command, [...args], { stdio: 'ignore', timeout: 30_000, ...(env && { env }) }).status === 0;
