import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TableFile, TableStore } from './table-store';

/** Files of a table where this process can read them. */
export interface Copies {
  /** @param own gone after the work @param shared other batches may want them next, so the last few stay */
  use<Result>(own: readonly TableFile[], shared: readonly TableFile[], work: (own: readonly string[], shared: readonly string[]) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Neighbouring batches lie in the same merged files. */
const mostKept = 4;

export function openCopies(store: TableStore, signal: AbortSignal): Copies {
  let folder: string | null = null;
  let count = 0;
  const kept = new Map<string, string>();
  const bring = async (file: TableFile): Promise<string> => {
    const local = store.localPath(file);
    if (local !== null) return local;
    folder ??= await mkdtemp(path.join(tmpdir(), 'millrace-verify-'));
    const copy = path.join(folder, `${count++}${path.extname(file.path)}`);
    await store.download(file, copy, signal);
    return copy;
  };
  const drop = async (copy: string): Promise<void> => {
    if (folder !== null && copy.startsWith(folder)) await rm(copy, { force: true });
  };
  return {
    async use(own, shared, work) {
      const copies: string[] = [];
      try {
        for (const file of own) copies.push(await bring(file));
        for (const file of shared) if (!kept.has(file.path)) kept.set(file.path, await bring(file));
        return await work(copies, shared.map((file) => kept.get(file.path)!));
      } finally {
        for (const copy of copies) await drop(copy);
        for (const [name, copy] of [...kept].slice(0, Math.max(0, kept.size - mostKept))) {
          await drop(copy);
          kept.delete(name);
        }
      }
    },
    async close() {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    },
  };
}
