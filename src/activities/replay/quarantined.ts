import type { Batch, QuarantineFile } from '../../domain/batch';
import { batchPath, partitionName, runPath, streamPath, type RunRef } from '../../domain/ids';
import type { StagingStore } from '../../stores/staging';
import { openArtefacts } from '../artefacts';
import { movedPartitions } from '../references';

/** Rows that one part of a run set aside. */
export interface QuarantinedFile {
  /** Path of the run. */
  readonly run: string;
  readonly stream: string;
  /** Part of the stream: `0007`, `0007~2`, `all`, `publish`. With the row's number in the file it names an entry: `0007:12`. */
  readonly place: string;
  /** Id of the batch that the ledger has for them; null: the publish itself set them aside. */
  readonly batch: string | null;
  readonly file: QuarantineFile;
}

/** Folder of a stream's quarantine in staging. */
export const quarantineFolder = (run: RunRef, stream: string): string => `quarantine/${streamPath(run, stream)}`;

/** The janitor has removed them: they were resolved, or older or more than "quarantine" allows. */
export const isRemoved = async (staging: StagingStore, run: RunRef): Promise<boolean> => (await staging.read(`quarantine/${runPath(run)}/removed.json`)) !== null;

/** What a stream of a run set aside, in source order. None where the janitor has removed it; a run may still be going on. */
export async function quarantinedFiles(staging: StagingStore, run: RunRef, stream: string): Promise<readonly QuarantinedFile[]> {
  if (await isRemoved(staging, run)) return [];
  const artefacts = openArtefacts(staging);
  const plan = await artefacts.plan.find(run, stream);
  if (!plan) return [];
  const found: QuarantinedFile[] = [];
  const add = (place: string, batch: string | null, files: readonly QuarantineFile[]): void => {
    files.forEach((file, index) => found.push({ run: runPath(run), stream, place: index === 0 ? place : `${place}.${index}`, batch, file }));
  };
  const all = batchPath(run, stream, 'all');
  for (const { ordinal, generation } of await movedPartitions(artefacts, run, stream, plan)) {
    const batch: Batch | null = await artefacts.batch.find(run, stream, ordinal, generation);
    if (batch) add(`${partitionName(ordinal)}${generation > 1 ? `~${generation}` : ''}`, plan.wholeStream ? all : batch.id, batch.quarantine);
  }
  const whole = plan.wholeStream ? await artefacts.batch.find(run, stream, 'all') : null;
  if (whole) add('all', whole.id, whole.quarantine);
  add('publish', null, (await artefacts.published.find(run, stream))?.quarantine ?? []);
  return found;
}
