import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { StagedFile } from '../domain/manifest';
import { damaged, measuredThere, rememberFiles, verifyFile } from './checksum';
import { openObjectStore, type ObjectStoreSettings } from './object-store';
import type { StagingStore } from './staging';

export interface S3StagingOptions {
  readonly settings: ObjectStoreSettings;
  /** Local folder through which files go: DuckDB and COPY work on local files. */
  readonly cache: string;
  /** Bytes the folder may hold; the files that were used longest ago go first. */
  readonly cacheLimit: number;
}

/** A file may be opened again by the activity that fetched it, so it stays at least this long. */
const leastAge = 3_600_000;

/** Staging under a prefix of a bucket, so that workers on several machines share a run. Its id is an object of the prefix. */
export async function openS3Staging({ settings, cache, cacheLimit }: S3StagingOptions): Promise<StagingStore> {
  const store = openObjectStore(settings, 'staging');
  await mkdir(cache, { recursive: true });
  const always = new AbortController().signal;
  const seen = rememberFiles();
  const localOf = (key: string): string => path.join(cache, ...key.split('/'));
  const text = async (key: string): Promise<string | null> => (await store.readText(key))?.text ?? null;
  const putIfAbsent = async (key: string, own: string): Promise<string> => {
    // A reply may be lost after the write, so what is there decides, not the answer.
    if (await store.createText(key, own)) return own;
    return (await text(key)) ?? own;
  };
  // Some servers make a bucket at its first object: a misspelt one must not be one of those.
  await store.probe();
  const id = (await putIfAbsent('staging-id', randomBytes(4).toString('hex'))).trim();

  /** Apart, then renamed: two activities may want the same file, and a killed one leaves half of it. */
  async function bring(file: StagedFile, local: string): Promise<void> {
    const draft = `${local}.${randomUUID()}.draft`;
    await mkdir(path.dirname(local), { recursive: true });
    await makeRoom(cache, cacheLimit - file.bytes);
    try {
      if (!(await store.describe(file.key))) throw damaged(file.key, 'is missing');
      await store.download(file.key, draft, { signal: always });
      await verifyFile(draft, file);
      await rename(draft, local);
    } finally {
      await rm(draft, { force: true });
    }
  }

  return {
    id,
    putIfAbsent,
    read: text,
    async create(prefix, extension) {
      const key = `${prefix}/${randomUUID().slice(0, 13)}.${extension}`;
      await mkdir(path.dirname(localOf(key)), { recursive: true });
      return { key, path: localOf(key) };
    },
    async seal(key, measured) {
      const file = localOf(key);
      const { checksum } = await measuredThere(file, key, measured);
      const { bytes } = await store.upload(key, file, { signal: always });
      await seen.add(file, checksum);
      await makeRoom(cache, cacheLimit);
      return { key, bytes, checksum };
    },
    async fetch(file) {
      const local = localOf(file.key);
      if (!(await seen.has(local, file.checksum))) await bring(file, local);
      await touch(local);
      await seen.add(local, file.checksum);
      return local;
    },
    list: (prefix) => store.children(prefix),
    async* walk(prefix) {
      for await (const { key, size, modified } of store.list(prefix)) yield { key, bytes: size, modifiedAt: modified };
    },
    async remove(keys) {
      await store.remove(keys);
      for (const key of keys) await rm(localOf(key), { force: true });
    },
    endUploads: (prefix, { dryRun }) => store.abortUploads(prefix, new Date(), { dryRun }),
    async sweep(prefix, keep) {
      const gone: string[] = [];
      for await (const { key } of store.list(`${prefix}/`)) {
        if (!key.endsWith('.json') && !keep.has(key)) gone.push(key);
      }
      await store.remove(gone);
      for (const key of gone) await rm(localOf(key), { force: true });
      await store.abortUploads(`${prefix}/`, new Date());
    },
  };
}

/** Used now: others go first where room is needed. */
async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now);
}

/** Takes local copies away, oldest first, until the folder holds at most `limit` bytes. */
async function makeRoom(cache: string, limit: number): Promise<void> {
  const entries = (await readdir(cache, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = (await Promise.all(entries.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const found = await stat(file).catch(() => null);
    return found ? [{ file, size: found.size, used: found.mtimeMs }] : [];
  }))).flat().sort((left, right) => left.used - right.used);
  let held = files.reduce((sum, { size }) => sum + size, 0);
  for (const { file, size, used } of files) {
    if (held <= limit || Date.now() - used < leastAge) return;
    await rm(file, { force: true });
    held -= size;
  }
}
