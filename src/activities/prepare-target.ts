import { openArtefacts } from './artefacts';
import type { StreamInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';

/** What plan-stream left to a person's word: the target is changed as the plan says. Called again it changes nothing. */
export const createPrepareTarget = (dependencies: Dependencies) => async ({ run, stream }: StreamInput): Promise<void> => {
  const artefacts = openArtefacts(dependencies.staging);
  const { spec, streamSpec, connectionsFile, allowDestructive } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  await withControl(dependencies.reached, async () => {
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      await destination.prepare({ run, stream: streamSpec }, plan, { dryRun: false, allowDestructive });
    } finally {
      await destination.close();
    }
  });
};
