import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lives, thisProcess, type ProcessName } from './living';

/**
 * The right to start servers on a home. It is the kernel's lock on a file, held by whoever has the file open: by this process and by
 * the servers it hands the file to. So it never outlives them, however they end, and it is not free while one of them still writes.
 */
export interface HomeLock {
  readonly file: number;
  release(): void;
}

/** A living process holds the home. */
export class HomeTakenError extends Error {
  constructor(readonly home: string, readonly pid: number) {
    super(`starting servers on ${home}: process ${pid} has started some there and keeps them; use them, or end it first (Ctrl-C, or "kill ${pid}")`);
  }
}

export interface LockOptions {
  readonly home: string;
  readonly signal?: AbortSignal | undefined;
  /** For servers of a process that has ended, which are about to end too. */
  readonly seconds?: number;
  log(line: string): void;
}

/** Takes the home, or throws where a living process has it. */
export async function lockHome({ home, signal, seconds = 45, log }: LockOptions): Promise<HomeLock> {
  mkdirSync(home, { recursive: true });
  const deadline = Date.now() + seconds * 1000;
  for (let times = 0; ; times += 1) {
    signal?.throwIfAborted();
    const lock = tryLock(home);
    if (lock) return lock;
    const holder = readHolder(home);
    if (holder && lives(holder)) throw new HomeTakenError(home, holder.pid);
    if (times === 5) log(`servers of an ended process still run on ${home}; waiting until they are gone …`);
    if (Date.now() > deadline) throw new Error(`starting servers on ${home}: servers of an ended process have not gone within ${seconds} s; end them ("fuser ${fileOf(home)}" names them)`);
    await sleep(200);
  }
}

const fileOf = (home: string): string => path.join(home, 'dev.lock');

function tryLock(home: string): HomeLock | null {
  const file = openSync(fileOf(home), 'a+', 0o600);
  try {
    if (lockOpenFile(file)) {
      ftruncateSync(file);
      writeSync(file, JSON.stringify(thisProcess()));
      return { file, release: () => closeSync(file) };
    }
  } catch (error) {
    closeSync(file);
    throw error;
  }
  closeSync(file);
  return null;
}

type Kind = 'exclusive' | 'shared';

const inPython = (kind: Kind): string => `import fcntl\ntry: fcntl.flock(3, fcntl.LOCK_${kind === 'shared' ? 'SH' : 'EX'} | fcntl.LOCK_NB)\nexcept BlockingIOError: raise SystemExit(1)`;

/** Node has no word for it: a program that is handed the open file locks it, and the lock stays with the file. */
function lockOpenFile(file: number, kind: Kind = 'exclusive'): boolean {
  for (const [command, args] of [['flock', ['-n', `--${kind}`, '3']], ['python3', ['-c', inPython(kind)]]] as const) {
    const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'ignore', file] });
    if (status === 0 || status === 1) return status === 0;
  }
  throw new Error('locking the home: neither "flock" nor "python3" works here; install one of them (Debian: apt install util-linux)');
}

function readHolder(home: string): ProcessName | null {
  try {
    return JSON.parse(readFileSync(fileOf(home), 'utf8')) as ProcessName;
  } catch {
    return null;
  }
}

/** A lock on the users of an environment: each command that works with another's servers shares it; null: it cannot be had now. */
export function lockUsers(home: string, kind: Kind): HomeLock | null {
  const file = openSync(path.join(home, 'dev.users'), 'a+', 0o600);
  if (lockOpenFile(file, kind)) return { file, release: () => closeSync(file) };
  closeSync(file);
  return null;
}
