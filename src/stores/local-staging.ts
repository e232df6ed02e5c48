import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, rm, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { measuredThere, rememberFiles, verifyFile } from './checksum';
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
    async seal(key, measured) {
      const file = pathOf(key);
      const sealed = await measuredThere(file, key, measured);
      await seen.add(file, sealed.checksum);
      return { key, ...sealed };
    },
    async fetch(file) {
      const local = pathOf(file.key);
      if (await seen.has(local, file.checksum)) return local;
      await verifyFile(local, file);
      await seen.add(local, file.checksum);
      return local;
    },
    async list(prefix) {
      const entries = await readdir(pathOf(prefix), { withFileTypes: true }).catch(() => []);
      return entries.map((entry) => `${prefix}/${entry.name}${entry.isDirectory() ? '/' : ''}`).sort();
    },
    async *walk(prefix) {
      for await (const file of filesUnder(pathOf(prefix))) {
        const found = await stat(file).catch(() => null);
        if (found) yield { key: path.relative(folder, file).split(path.sep).join('/'), bytes: found.size, modifiedAt: found.mtimeMs };
      }
    },
    async remove(keys) {
      for (const key of keys) await rm(pathOf(key), { force: true });
    },
    endUploads: async () => 0,
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

/** Folder by folder, so that no listing of all is in memory. */
async function* filesUnder(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(place);
    else if (entry.isFile()) yield place;
  }
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
