import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ObjectStore } from '../../stores/object-store';
import { fenceFolder, type Head, type TableFile, type TableStore } from '../file-destination';

/**
 * A table's prefix in a bucket. Objects cannot be moved, so files go where they belong at once, under names that their content
 * gives: an upload that was cut off is taken up again. A note of what is to come is written first, so that a later claim finds
 * what a dead attempt left without listing the table.
 */
export function s3Table(store: ObjectStore, table: string): TableStore {
  const at = (key: string): string => `${table}/${key}`;
  const own = (key: string): string => key.slice(table.length + 1);
  const headKey = at('_millrace/head.json');
  const readHead = async (): Promise<{ readonly head: Head; readonly etag: string } | null> => {
    const found = await store.readText(headKey);
    return found && { head: JSON.parse(found.text) as Head, etag: found.etag };
  };
  const children = async (folder: string): Promise<readonly string[]> => (await store.children(at(folder))).map(own);
  const read = async (key: string): Promise<string | null> => (await store.readText(at(key)))?.text ?? null;

  return {
    label: `${store.name}/${table}`,
    readHead: async () => (await readHead())?.head ?? null,
    async swapHead(next) {
      const found = await readHead();
      if ((found?.head.number ?? 0) !== next.number - 1) return false;
      return found ? store.replaceText(headKey, JSON.stringify(next), found.etag) : store.createText(headKey, JSON.stringify(next));
    },
    read,
    createOnce: (key, text) => store.createText(at(key), text),
    scratch: () => mkdtemp(path.join(tmpdir(), 'millrace-s3-')),
    async keep(files, folder, signal) {
      if (files.length > 0) await store.createText(at(`${folder}/notes/${randomUUID()}.json`), JSON.stringify(files.map((file) => file.path)));
      const kept: TableFile[] = [];
      for (const { local, checksum: _checksum, ...file } of files) {
        const { etag } = await store.upload(at(file.path), local, { signal });
        kept.push({ ...file, written: file.path, version: etag });
      }
      return kept;
    },
    settle: async () => undefined,
    localPath: () => null,
    async isIntact(file) {
      const found = await store.describe(at(file.path));
      return found?.size === file.bytes && found.etag === file.version;
    },
    download: (file, to, signal) => store.download(at(file.path), to, { signal, etag: file.version }),
    async dataFiles() {
      const found: string[] = [];
      for await (const { key } of store.list(`${table}/`)) if (!own(key).startsWith('_millrace/') && !key.endsWith('/')) found.push(own(key));
      return found;
    },
    children: async (folder) => (await children(folder)).filter((key) => !key.endsWith('/')),
    fences: async () => (await children('_millrace')).flatMap((key) => /^_millrace\/f(\d+)\/$/.exec(key)?.[1] ?? []).map(Number),
    documents: async (fence) => (await children(fenceFolder(fence))).filter((key) => key.endsWith('.json')),
    async leftovers(folder) {
      const notes = await children(`${folder}/notes`);
      const texts = await Promise.all(notes.map((key) => read(key)));
      await store.abortUploads(`${table}/`, new Date());
      return [...texts.flatMap((text) => (text === null ? [] : (JSON.parse(text) as string[]))), ...notes];
    },
    remove: (keys) => store.remove(keys.map(at)),
  };
}
