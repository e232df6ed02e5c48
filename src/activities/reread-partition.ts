import { batchPath } from '../domain/ids';
import { openArtefacts } from './artefacts';
import type { PartitionInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { takeBack } from './take-back';

/** The source is asked again for a partition: what its last generation loaded goes first (semantics 1). */
export const createRereadPartition = (dependencies: Dependencies) => async ({ run, stream, ordinal, reread }: Required<PartitionInput>): Promise<void> => {
  const artefacts = openArtefacts(dependencies.staging);
  if (await artefacts.reread.find(run, stream, ordinal, reread)) return;
  await withControl(dependencies.reached, async () => {
    await takeBack(dependencies, artefacts, run, stream, batchPath(run, stream, ordinal, reread - 1));
    await artefacts.reread.record({ generation: reread }, run, stream, ordinal, reread);
  });
};
