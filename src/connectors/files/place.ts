import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SourceHeldError } from '../../domain/errors';
import { quoteLiteral } from '../../transforms/quote';
import type { ConnectorContext } from '../connector';
import { hasWildcard, type FileEntry, type Place } from '../file-source';
import type { FilesConfig } from './config';

/** A folder of this machine. */
export function localPlace(config: FilesConfig, context: ConnectorContext): Place {
  const folder = path.resolve(context.baseFolder, config.path);
  const absolute = (file: string): string => path.resolve(folder, file);
  const isThere = async (): Promise<boolean> => (await stat(folder).catch(() => null))?.isDirectory() === true;
  const entryOf = (file: string): Promise<FileEntry | null> => localEntry(folder, absolute(file));

  return {
    async check() {
      return await isThere() ? { ok: true, messages: [`"${context.connection}": folder "${folder}"`] } : { ok: false, messages: [`"${context.connection}": there is no folder "${folder}"; correct "path" in connections.yaml`] };
    },
    async list(pattern, signal) {
      const exact = await entryOf(pattern);
      if (exact) return [exact];
      if (!(await isThere())) throw new SourceHeldError(`listing "${pattern}": there is no folder "${folder}"; correct "path" in connections.yaml`);
      if (!hasWildcard(pattern)) return [];
      const names = await context.engine.session(signal, async (session) =>
        (await session.rows(`SELECT file FROM glob(${quoteLiteral(absolute(pattern))}) ORDER BY file`)).map((row) => row['file']!));
      return (await Promise.all(names.map((name) => localEntry(folder, name)))).filter((entry) => entry !== null);
    },
    find: (file) => entryOf(file),
    async fetch(entry, to, control, range) {
      if (range) await pipeline(createReadStream(absolute(entry.path), { start: range.from, end: range.to - 1 }), createWriteStream(to), { signal: control.signal });
      else await copyFile(absolute(entry.path), to, constants.COPYFILE_FICLONE);
      control.progress({ bytes: range ? range.to - range.from : entry.size });
    },
    localPath: (entry) => absolute(entry.path),
    label: absolute,
    close: async () => undefined,
  };
}

async function localEntry(folder: string, file: string): Promise<FileEntry | null> {
  const found = await stat(file, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (!found?.isFile()) return null;
  return { path: path.relative(folder, file).split(path.sep).join('/'), size: Number(found.size), version: String(found.mtimeNs), id: `${found.dev}:${found.ino}` };
}
