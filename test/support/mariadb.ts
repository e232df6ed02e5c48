import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { debianPackage } from './debian';
import { answers, freePort } from './sshd';
import { eventually } from './temporal';

export interface MariaDb {
  readonly port: number;
  /** Runs SQL as root. */
  run(sql: string, database?: string): void;
  stop(): Promise<void>;
}

/** Asked before tests are declared, so that they are shown as skipped where the machine cannot have it. */
export const mariaDbAvailable = (): boolean => debianPackage('mariadb-server', '/usr/sbin/mariadbd');

/** Debian's MariaDB with a folder and a port of its own. */
export async function startMariaDb(): Promise<MariaDb> {
  const home = mkdtempSync(path.join(tmpdir(), 'millrace-mariadb-'));
  chmodSync(home, 0o755);
  const asRoot = process.getuid?.() === 0;
  const data = path.join(home, 'data');
  execFileSync('mariadb-install-db', [`--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...(asRoot ? ['--user=root'] : [])], { stdio: 'pipe' });
  const port = await freePort();
  const socket = path.join(home, 'socket');
  const child = spawn('/usr/sbin/mariadbd', ['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1', `--socket=${socket}`, `--pid-file=${home}/pid`, '--innodb-buffer-pool-size=32M', '--skip-name-resolve', ...(asRoot ? ['--user=root'] : [])], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece) => { said += piece; });
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`MariaDB ended: ${said.slice(-1000)}`);
    return answers(port);
  }, 'MariaDB');
  return {
    port,
    run: (sql, database) => { execFileSync('mariadb', ['-uroot', `--socket=${socket}`, '--default-character-set=utf8mb4', '--binary-mode', ...(database ? [database] : [])], { input: sql, stdio: ['pipe', 'pipe', 'pipe'] }); },
    async stop() {
      const ended = new Promise((resolve) => { child.once('exit', resolve); });
      child.kill('SIGTERM');
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}
