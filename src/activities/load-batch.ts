import { chainProblems } from '../domain/balance';
import type { Batch } from '../domain/batch';
import { BalanceError } from '../domain/errors';
import { openArtefacts } from './artefacts';
import type { LoadBatchInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';

/** Staged batch → destination, its ledger row in the same commit. A batch whose own lines do not close is never loaded. */
export const createLoadBatch = (dependencies: Dependencies) => async ({ run, stream, ordinal, reread }: LoadBatchInput): Promise<{ readonly rows: number }> => {
  const { staging, reached } = dependencies;
  const artefacts = openArtefacts(staging);
  const { spec, streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  const batch = await artefacts.batch.read(run, stream, ordinal, reread);
  refuseOpenBalance(batch);
  return withControl(reached, async (control) => {
    const paths: string[] = [];
    for (const file of batch.files) paths.push(await staging.fetch(file));
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      const receipt = await destination.load({ target: { run, stream: streamSpec }, plan, batch, paths }, control);
      return { rows: receipt.rows };
    } finally {
      await destination.close();
    }
  });
};

function refuseOpenBalance(batch: Batch): void {
  const problems = chainProblems(batch.lines, batch.read, batch.rows);
  if (problems.length > 0) throw new BalanceError(`loading batch "${batch.id}": its rows do not add up: ${problems.join('; ')}; nothing was loaded, please report it`, { batch: batch.id });
}
