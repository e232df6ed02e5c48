import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Stats } from 'ssh2';
import { EtlError, SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { ConnectorContext } from '../connector';
import { hasWildcard, matcherOf, type FileEntry, type Place } from '../file-source';
import type { SftpConfig } from './config';
import { openSession, type SftpSession } from './session';

const noSuchFile = 2;
const denied = 3;
/** A broken transfer goes on where it was, this often without a byte of progress in between. */
const tries = 5;

/** A folder of an SSH server. */
export function sftpPlace(config: SftpConfig, context: ConnectorContext): Place {
  let opened: Promise<SftpSession> | null = null;
  const connect = (): Promise<SftpSession> => (opened ??= openSession(config).catch((error: unknown) => { opened = null; throw error; }));
  const remote = (file: string): string => path.posix.join(config.path, file);
  const label = (file: string): string => `sftp://${config.host}:${config.port}/${remote(file)}`;

  async function drop(): Promise<void> {
    const session = await opened?.catch(() => null);
    opened = null;
    session?.end();
  }

  async function find(file: string): Promise<FileEntry | null> {
    const { sftp } = await connect();
    const found = await new Promise<Stats | null>((resolve, reject) => sftp.stat(remote(file), (error, stats) => {
      if (!error) return resolve(stats);
      if ((error as { code?: number }).code === noSuchFile) return resolve(null);
      reject(translated(error, label(file)));
    }));
    return found?.isFile() ? entryOf(file, found) : null;
  }

  /** Folders are walked only as deep as the pattern may reach. */
  async function walk(folder: string, depth: number, matches: (file: string) => boolean): Promise<FileEntry[]> {
    const { sftp } = await connect();
    const names = await new Promise<readonly { filename: string; attrs: Stats }[]>((resolve, reject) => sftp.readdir(remote(folder), (error, list) => (error ? reject(translated(error, label(folder))) : resolve(list))));
    const found: FileEntry[] = [];
    for (const { filename, attrs } of [...names].sort((left, right) => (left.filename < right.filename ? -1 : 1))) {
      const file = folder === '' ? filename : `${folder}/${filename}`;
      if (attrs.isDirectory()) { if (depth > 1) found.push(...await walk(file, depth - 1, matches)); }
      else if (matches(file)) {
        const entry = attrs.isFile() ? entryOf(file, attrs) : await find(file);
        if (entry) found.push(entry);
      }
    }
    return found;
  }

  return {
    async check() {
      try {
        const { sftp } = await connect();
        await new Promise<void>((resolve, reject) => sftp.readdir(config.path, (error) => (error ? reject(translated(error, label(''))) : resolve())));
        return { ok: true, messages: [`"${context.connection}": ${label('')}`] };
      } catch (error) {
        return { ok: false, messages: [`"${context.connection}": ${(error as Error).message}`] };
      }
    },
    async list(pattern) {
      const exact = hasWildcard(pattern) ? null : await find(pattern);
      if (exact) return [exact];
      if (!hasWildcard(pattern)) return [];
      return (await walk('', pattern.includes('**') ? 20 : pattern.split('/').length, matcherOf(pattern))).sort((left, right) => (left.path < right.path ? -1 : 1));
    },
    find,
    async fetch(entry, to, control, range = { from: 0, to: entry.size }) {
      const size = range.to - range.from;
      let done = 0;
      for (let left = tries; done < size;) {
        const before = done;
        try {
          const { sftp } = await connect();
          const source = sftp.createReadStream(remote(entry.path), { start: range.from + done, end: range.to - 1, highWaterMark: 256 * 1024 } as never);
          source.on('data', (piece: Buffer) => { done += piece.length; control.progress({ bytes: done }); });
          await pipeline(source, createWriteStream(to, { flags: 'r+', start: before }), { signal: control.signal });
          if (done < size) throw new SourceUnavailableError(`reading "${label(entry.path)}": it ended early; the run goes on by itself`);
        } catch (error) {
          if (control.signal.aborted) throw control.signal.reason;
          const known = EtlError.is(error) ? error : translated(error as Error, label(entry.path));
          await drop();
          done = Math.min((await stat(to)).size, size);
          left = done > before ? tries : left - 1;
          if (left === 0 || (EtlError.is(known) && known.disposition !== 'retry')) throw known;
          const now = await find(entry.path);
          if (!now || now.version !== entry.version) throw new SourceHeldError(`reading "${entry.path}": it has changed since the run was planned; cancel and run the pipeline again`, { file: entry.path });
        }
      }
    },
    label,
    close: drop,
  };
}

/** Seconds and size: the protocol tells no more. */
const entryOf = (file: string, stats: Stats): FileEntry => ({ path: file, size: stats.size, version: String(stats.mtime) });

function translated(error: Error & { code?: number | string }, where: string): Error {
  if (error.code === noSuchFile) return new SourceHeldError(`reading "${where}": it is not there; correct "path" or the stream, then "millrace resume RUN"`);
  if (error.code === denied) return new SourceHeldError(`reading "${where}": permission denied; grant it to the connection's user, then "millrace resume RUN"`);
  return new SourceUnavailableError(`reading "${where}": ${error.message}; the run goes on by itself`);
}
