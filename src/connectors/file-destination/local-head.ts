import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Head } from './table-store';

const headFolder = (table: string): string => path.join(table, '_millrace/head');

/** The highest head; null: nothing was ever written here. */
export async function readLocalHead(table: string): Promise<Head | null> {
  const names = (await readdir(headFolder(table)).catch(() => [] as string[])).filter((name) => /^\d{12}\.json$/.test(name)).sort();
  const last = names.at(-1);
  return last ? (JSON.parse(await readFile(path.join(headFolder(table), last), 'utf8')) as Head) : null;
}

/** False: somebody else has written that number meanwhile. */
export const swapLocalHead = (table: string, next: Head): Promise<boolean> =>
  createFileOnce(path.join(headFolder(table), `${String(next.number).padStart(12, '0')}.json`), JSON.stringify(next));

/** Creates a file with its whole text, or leaves the one that is there: link(2) decides between any number of writers. */
export async function createFileOnce(file: string, text: string): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}.draft`;
  await writeFile(draft, text, { flush: true });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(draft);
  }
}
