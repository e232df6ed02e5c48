import { createHash } from 'node:crypto';
import { Client, type SFTPWrapper } from 'ssh2';
import { SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { SftpConfig } from './config';

export interface SftpSession {
  readonly sftp: SFTPWrapper;
  end(): void;
}

/** Logs in, after the server has shown the key that the connection names. */
export async function openSession(config: SftpConfig): Promise<SftpSession> {
  const client = new Client();
  const where = `connecting to "${config.host}:${config.port}"`;
  let shown: string | null = null;
  return await new Promise<SftpSession>((resolve, reject) => {
    client.once('error', (error: Error & { level?: string; code?: string }) => reject(translated(error, where, shown, config)));
    client.once('ready', () => client.sftp((error, sftp) => {
      if (error) return reject(new SourceHeldError(`${where}: the server lets "${config.user}" in but has no SFTP for it: ${error.message}; let the server's administrator allow it`));
      client.on('error', () => undefined);
      resolve({ sftp, end: () => { client.end(); } });
    }));
    client.connect({
      host: config.host, port: config.port, username: config.user, readyTimeout: config.timeout * 1000, keepaliveInterval: 10_000,
      ...(config.password !== undefined && { password: config.password }),
      ...(config.private_key !== undefined && { privateKey: config.private_key }),
      ...(config.passphrase !== undefined && { passphrase: config.passphrase }),
      hostVerifier: (key: Buffer) => {
        shown = `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
        return shown === config.host_key.replace(/=+$/, '');
      },
    });
  });
}

function translated(error: Error & { level?: string; code?: string }, where: string, shown: string | null, config: SftpConfig): Error {
  if (shown !== null && shown !== config.host_key.replace(/=+$/, '')) return new SourceHeldError(`${where}: the server shows the key ${shown}, "host_key" of the connection is another; if the server's key was changed by its administrator, correct it, else somebody stands between`);
  if (error.level === 'client-authentication') return new SourceHeldError(`${where}: the server refuses user "${config.user}"; correct user, password or private_key, then "millrace resume RUN"`);
  if (/privateKey|passphrase/i.test(error.message)) return new SourceHeldError(`${where}: the private key cannot be used: ${error.message.replace(/privateKey value /, '')}; correct private_key or passphrase`);
  return new SourceUnavailableError(`${where}: ${error.code ?? error.message}; check that the server is up, the run goes on by itself`);
}
