import { openArtefacts } from './artefacts';
import type { StreamInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { batchesOf } from './references';

/** Batches become visible and the checkpoint moves, in one commit of the destination. */
export const createPublishStream = (dependencies: Dependencies) => async ({ run, stream }: StreamInput): Promise<{ readonly rows: number }> => {
  const artefacts = openArtefacts(dependencies.staging);
  const earlier = await artefacts.published.find(run, stream);
  if (earlier) return { rows: earlier.rows };

  const { spec, streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  const batchIds = (await batchesOf(artefacts, run, stream, plan)).map(({ id }) => id);
  return withControl(dependencies.reached, async (control) => {
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      control.reached('publish:before-claim-check');
      const receipt = await destination.publish({ target: { run, stream: streamSpec }, plan, batchIds }, control);
      return { rows: (await artefacts.published.record(receipt, run, stream)).rows };
    } finally {
      await destination.close();
    }
  });
};
