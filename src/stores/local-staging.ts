import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, readFile, readdir, rm, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { StagingDamagedError } from '../domain/errors';
import type { StagedFile } from '../domain/manifest';
import type { StagingStore } from './staging';

/** Staging in a folder of this machine. Its id is drawn once and lies in the folder, so it moves with it. */
export async function openLocalStaging(folder: string): Promise<StagingStore> {
  await mkdir(folder, { recursive: true });
  const id = (await createFirst(path.join(folder, 'staging-id'), randomBytes(4).toString('hex'))).trim();
  const seen = rememberFiles();
  const pathOf = (key: string): string => path.join(folder, ...key.split('/'));

  return {
    id,
    putIfAbsent: (key, text) => createFirst(pathOf(key), text),
    read: (key) => readFile(pathOf(key), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    }),
    async create(prefix, extension) {
      const key = `${prefix}/${randomUUID().slice(0, 13)}.${extension}`;
      await mkdir(path.dirname(pathOf(key)), { recursive: true });
      return { key, path: pathOf(key) };
    },
    async seal(key) {
      const file = pathOf(key);
      const { size } = await stat(file);
      const checksum = await checksumOf(file);
      await seen.add(file, checksum);
      return { key, bytes: size, checksum };
    },
    async fetch(file) {
      const local = pathOf(file.key);
      if (await seen.has(local, file.checksum)) return local;
      await verify(local, file);
      await seen.add(local, file.checksum);
      return local;
    },
    async list(prefix) {
      const entries = await readdir(pathOf(prefix), { withFileTypes: true }).catch(() => []);
      return entries.map((entry) => `${prefix}/${entry.name}${entry.isDirectory() ? '/' : ''}`).sort();
    },
    async sweep(prefix, keep) {
      const entries = await readdir(pathOf(prefix), { withFileTypes: true, recursive: true }).catch(() => []);
      for (const entry of entries) {
        const file = path.join(entry.parentPath, entry.name);
        const key = path.relative(folder, file).split(path.sep).join('/');
        if (entry.isFile() && !entry.name.endsWith('.json') && !keep.has(key)) await rm(file, { force: true });
      }
    },
  };
}

/** link(2) fails where the name exists, so exactly one of any number of writers wins, with its whole text. */
async function createFirst(file: string, text: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}.draft`;
  await writeFile(draft, text, { flush: true });
  try {
    await link(draft, file);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return await readFile(file, 'utf8');
  } finally {
    await unlink(draft);
  }
}

/** Files that this process has checksummed are not read again for it while their size and time stay; at most `most` are remembered. */
function rememberFiles(most = 10_000) {
  const known = new Map<string, string>();
  const stateOf = async (file: string, checksum: string): Promise<string> => {
    const found = await stat(file, { bigint: true }).catch(() => null);
    return found ? `${found.ino}:${found.size}:${found.mtimeNs}:${checksum}` : 'missing';
  };
  return {
    async add(file: string, checksum: string): Promise<void> {
      known.set(file, await stateOf(file, checksum));
      if (known.size > most) known.delete(known.keys().next().value!);
    },
    has: async (file: string, checksum: string): Promise<boolean> => known.has(file) && known.get(file) === await stateOf(file, checksum),
  };
}

async function checksumOf(file: string): Promise<string> {
  let sum = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) sum = crc32(chunk as Buffer, sum);
  return sum.toString(16).padStart(8, '0');
}

async function verify(file: string, expected: StagedFile): Promise<void> {
  const found = await stat(file).catch(() => null);
  const problem = !found ? 'is missing'
    : found.size !== expected.bytes ? `has ${found.size} bytes, ${expected.bytes} were written`
      : (await checksumOf(file)) !== expected.checksum ? 'has another checksum than when it was written' : null;
  if (problem) throw new StagingDamagedError(`reading staged file "${expected.key}": it ${problem}; read the partition again with "millrace retry --reread"`, { key: expected.key });
}
