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

/** Asks until it is true or the process has ended; throws with the end of its log. */
export async function until(ready: () => Promise<boolean>, child: ChildProcess | null, what: string, seconds = 60): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    if (await ready()) return;
    if (child && child.exitCode !== null) throw new Error(`${what} ended with code ${child.exitCode} while it started`);
    if (Date.now() > deadline) throw new Error(`${what} did not answer within ${seconds} s`);
    await sleep(50);
  }
}

/** A server in a process group of its own, so that Ctrl-C in the terminal reaches us first; its output goes to a file. */
export function startServer(command: string, args: readonly string[], logFile: string, options: { cwd?: string; uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {}): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(command, [...args], { stdio: ['ignore', log, log], detached: true, ...options });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** SIGTERM, then SIGKILL after `seconds`; returns when the process is gone. */
export async function stopProcess(pid: number, signal: NodeJS.Signals = 'SIGTERM', seconds = 20): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, signal);
  const deadline = Date.now() + seconds * 1000;
  while (isAlive(pid) && Date.now() < deadline) await sleep(25);
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await sleep(25);
}

export const succeeds = (command: string, args: readonly string[], env?: NodeJS.ProcessEnv): boolean => spawnSync(command, [...args], { stdio: 'ignore', timeout: 30_000, ...(env && { env }) }).status === 0;
