import { openArtefacts } from '../activities/artefacts';
import type { Batch, QuarantineFile } from '../domain/batch';
import type { StagingStore } from '../stores/staging';
import type { StoredRun } from '../stores/runs';

/** Batches of a stream that are recorded, in source order; those after a stream step last. A run may still be going on. */
export async function storedBatches(staging: StagingStore, { run }: StoredRun, stream: string): Promise<readonly Batch[]> {
  const artefacts = openArtefacts(staging);
  const plan = await artefacts.plan.find(run, stream);
  if (!plan) return [];
  const batches: (Batch | null)[] = [];
  for (const { ordinal } of plan.partitions) batches.push(await artefacts.batch.find(run, stream, ordinal));
  if (plan.wholeStream) batches.push(await artefacts.batch.find(run, stream, 'all'));
  return batches.filter((batch) => batch !== null);
}

/** What the publish set aside, since only the target shows it to be wrong. */
export const storedRefusals = async (staging: StagingStore, { run }: StoredRun, stream: string): Promise<readonly QuarantineFile[]> =>
  (await openArtefacts(staging).published.find(run, stream))?.quarantine ?? [];
