import type { Environment } from '../config/environment';
import type { RunSummary } from '../domain/receipt';
import { openStaging } from '../stores/open-staging';
import { listReceipts } from '../stores/runs';
import { hasStore } from './open-store';

/** Receipts of the staging store, newest first; none where nothing has run yet. */
export async function readReceipts(environment: Environment, pipeline?: string): Promise<readonly RunSummary[]> {
  return hasStore(environment) ? listReceipts(await openStaging(environment), pipeline ?? null) : [];
}
