import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { isRunFolder, slug } from '../domain/ids';
import type { RunSummary } from '../domain/receipt';

/** Receipts of the local staging store, newest first. They outlive Temporal's history, so `status` reads them first. */
export async function readReceipts(home: string, pipeline?: string): Promise<readonly RunSummary[]> {
  const staging = path.join(home, 'staging');
  const pipelines = pipeline === undefined ? await foldersIn(staging) : [slug(pipeline)];
  const found: RunSummary[] = [];
  for (const folder of pipelines) {
    for (const run of (await foldersIn(path.join(staging, folder))).filter(isRunFolder)) {
      const text = await readFile(path.join(staging, folder, run, 'receipt.json'), 'utf8').catch(() => null);
      if (text !== null) found.push(JSON.parse(text) as RunSummary);
    }
  }
  return found.sort((left, right) => right.finishedAt.localeCompare(left.finishedAt));
}

const foldersIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
