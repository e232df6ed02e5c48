import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { createConnection } from 'node:net';
import { eventually } from './temporal';
import { debianPackage } from './debian';

export interface SshServer {
  readonly port: number;
  readonly user: string;
  /** Private key that is let in. */
  readonly key: string;
  readonly fingerprint: string;
  readonly folder: string;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => { probe.listen(0, '127.0.0.1', resolve); });
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => { probe.close(() => resolve()); });
  return port;
}

export const answers = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.once('connect', () => { socket.destroy(); resolve(true); });
  socket.once('error', () => resolve(false));
});

/** Asked before tests are declared, so that they are shown as skipped where the machine cannot have it. */
export const sshdAvailable = (): boolean => debianPackage('openssh-server', '/usr/sbin/sshd');

/** Debian's OpenSSH with a key, a port and a configuration of its own. */
export async function startSshd(): Promise<SshServer> {
  const home = mkdtempSync(path.join(tmpdir(), 'millrace-sshd-'));
  chmodSync(home, 0o755);
  for (const name of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(home, name)]);
  const folder = path.join(home, 'files');
  mkdirSync(folder);
  writeFileSync(path.join(home, 'authorized'), readFileSync(path.join(home, 'user.pub')), { mode: 0o600 });
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  const port = await freePort();
  writeFileSync(path.join(home, 'config'), [
    `Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${home}/host`, `AuthorizedKeysFile ${home}/authorized`, 'PasswordAuthentication no', 'UsePAM no', 'StrictModes no',
    'PermitRootLogin prohibit-password', `PidFile ${home}/pid`, 'Subsystem sftp internal-sftp', '',
  ].join('\n'));
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path.join(home, 'config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece) => { said += piece; });
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${said}`);
    return answers(port);
  }, 'sshd');
  const fingerprint = execFileSync('ssh-keygen', ['-lf', path.join(home, 'host.pub')], { encoding: 'utf8' }).split(' ')[1]!;
  return {
    port, user: userInfo().username, key: readFileSync(path.join(home, 'user'), 'utf8'), fingerprint, folder,
    async stop() {
      child.kill('SIGTERM');
      await rm(home, { recursive: true, force: true });
    },
  };
}
