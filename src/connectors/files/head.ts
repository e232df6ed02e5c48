import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FileRecord, Position } from '../../domain/position';
import type { PublishReceipt } from '../../domain/receipt';

/** What readers of the table go by: which batches it consists of, and how far its stream has got. */
export interface Head {
  /** Number of the head file; rises by one with each claim and publish. */
  readonly number: number;
  readonly pipeline: string;
  readonly stream: string;
  readonly holder: string;
  readonly startedAt: string;
  readonly fence: number;
  readonly version: number;
  readonly position: Position | null;
  readonly files: readonly FileRecord[];
  /** Batch manifests below `_millrace`, in source order. */
  readonly batches: readonly string[];
  readonly publisher: string | null;
  readonly receipt: PublishReceipt | null;
}

const headFolder = (table: string): string => path.join(table, '_millrace/head');
const headFile = (table: string, number: number): string => path.join(headFolder(table), `${String(number).padStart(12, '0')}.json`);

/** The highest head; null: nothing was ever written here. */
export async function readHead(table: string): Promise<Head | null> {
  const names = (await readdir(headFolder(table)).catch(() => [] as string[])).filter((name) => /^\d{12}\.json$/.test(name)).sort();
  const last = names.at(-1);
  return last ? (JSON.parse(await readFile(path.join(headFolder(table), last), 'utf8')) as Head) : null;
}

/** All heads that there were, in order: how the table came to be what it is. */
export async function readHeads(table: string): Promise<readonly Head[]> {
  const names = (await readdir(headFolder(table)).catch(() => [] as string[])).filter((name) => /^\d{12}\.json$/.test(name)).sort();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(path.join(headFolder(table), name), 'utf8')) as Head));
}

/** False: somebody else has written that number meanwhile; read again and decide anew. */
export async function swapHead(table: string, next: Head): Promise<boolean> {
  return createOnce(headFile(table, next.number), JSON.stringify(next));
}

/** Creates a file with its whole text, or leaves the one that is there: link(2) decides between any number of writers. */
export async function createOnce(file: string, text: string): Promise<boolean> {
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
