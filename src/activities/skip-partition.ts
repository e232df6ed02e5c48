import { batchPath, partitionPath } from '../domain/ids';
import { openArtefacts } from './artefacts';
import type { SkipPartitionInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { takeBack } from './take-back';

/** A partition is left out: nothing of it is loaded, and the gap is on record before the run goes on (semantics 13). */
export const createSkipPartition = (dependencies: Dependencies) => async ({ run, stream, ordinal, reread, by, reason }: SkipPartitionInput): Promise<void> => {
  const artefacts = openArtefacts(dependencies.staging);
  if (await artefacts.gap.find(run, stream, ordinal)) return;
  const plan = await artefacts.plan.read(run, stream);
  const { label, detail, estimatedRows, window } = plan.partitions[ordinal]!;
  await withControl(dependencies.reached, async () => {
    await takeBack(dependencies, artefacts, run, stream, batchPath(run, stream, ordinal, reread));
    await artefacts.gap.record({ partition: partitionPath(run, stream, ordinal), label, detail, window: window ?? plan.window, estimatedRows, by, reason, at: new Date().toISOString() }, run, stream, ordinal);
  });
};
