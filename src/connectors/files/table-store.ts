import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readFile, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { checksumOf } from '../../stores/checksum';
import { createFileOnce, fenceFolder, isMerging, readLocalHead, swapLocalHead, type NewFile, type TableFile, type TableStore } from '../file-destination';

const drafts = '_millrace/drafts';

/** A table's folder on this machine. Files are written apart and moved when a manifest names them: a reader never meets half a file. */
export function localTable(table: string): TableStore {
  const at = (key: string): string => path.join(table, key);
  const draft = async (): Promise<string> => {
    const folder = `${drafts}/${randomUUID()}`;
    await mkdir(at(folder), { recursive: true });
    return folder;
  };
  const children = async (folder: string): Promise<readonly string[]> =>
    (await readdir(at(folder), { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map(({ name }) => `${folder}/${name}`).sort();
  return {
    label: table,
    readHead: () => readLocalHead(table),
    swapHead: (next) => swapLocalHead(table, next),
    read: (key) => readFile(at(key), 'utf8').catch(absent),
    createOnce: (key, text) => createFileOnce(at(key), text),
    scratch: async () => at(await draft()),
    async keep(files) {
      const folder = await draft();
      return Promise.all(files.map(async ({ local, checksum, ...file }: NewFile, index): Promise<TableFile> => {
        const written = `${folder}/${index}`;
        await linkOrCopy(local, at(written));
        return { ...file, written, version: checksum };
      }));
    },
    async settle(files) {
      for (const file of files) {
        if (existsSync(at(file.path))) continue;
        await mkdir(path.dirname(at(file.path)), { recursive: true });
        await rename(at(file.written), at(file.path)).catch((error: NodeJS.ErrnoException) => {
          // Two attempts may settle one batch at once.
          if (error.code !== 'ENOENT' || !existsSync(at(file.path))) throw error;
        });
      }
    },
    localPath: (file) => at(file.path),
    isIntact: async (file) => (await stat(at(file.path)).catch(() => null))?.size === file.bytes && (await checksumOf(at(file.path))) === file.version,
    download: (file, to) => copyFile(at(file.path), to),
    async dataFiles() {
      const entries = await readdir(table, { recursive: true, withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isFile()).map((entry) => path.relative(table, path.join(entry.parentPath, entry.name))).filter((file) => !file.startsWith('_millrace'));
    },
    async fences() {
      const names = await readdir(at('_millrace')).catch(() => [] as string[]);
      return names.filter((name) => /^f\d+$/.test(name)).map((name) => Number(name.slice(1)));
    },
    children,
    documents: async (fence) => (await children(fenceFolder(fence))).filter((key) => key.endsWith('.json')),
    async leftovers(folder) {
      // Drafts do not tell whose they are, and a run may be at work beside a merging: that one's are left to the next claim.
      if (isMerging(folder)) return [];
      const entries = await readdir(at(drafts), { recursive: true, withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isFile()).map((entry) => path.relative(table, path.join(entry.parentPath, entry.name)));
    },
    async remove(keys) {
      for (const key of keys) {
        await rm(at(key), { force: true });
        await removeEmpty(table, path.dirname(key));
      }
    },
  };
}

const absent = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT') return null;
  throw error;
};

/** A second name for the same bytes; between file systems, or where links are not allowed, a copy. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to);
  }
}

async function removeEmpty(table: string, folder: string): Promise<void> {
  for (let at = folder; at !== '.' && at !== ''; at = path.dirname(at)) {
    const gone = await rmdir(path.join(table, at)).then(() => true, () => false);
    if (!gone) return;
  }
}
