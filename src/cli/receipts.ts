import type { Environment } from '../config/environment';
import type { RunSummary } from '../domain/receipt';
import { listReceipts } from '../stores/runs';
import { hasStore, openStores } from './open-store';

/** Receipts of the staging store, newest first; none where nothing has run yet. */
export async function readReceipts(environment: Environment, pipeline?: string): Promise<readonly RunSummary[]> {
  if (!hasStore(environment)) return [];
  const found = await Promise.all((await openStores(environment)).map((staging) => listReceipts(staging, pipeline ?? null)));
  return found.flat().sort((left, right) => right.finishedAt.localeCompare(left.finishedAt));
}
