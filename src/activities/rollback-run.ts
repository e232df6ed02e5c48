import type { RunRef } from '../domain/ids';
import { openArtefacts } from './artefacts';
import type { RollbackRunOutput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';

/** Takes back what a run has committed and not published. What is published stays, and the receipt says why (semantics 8). */
export const createRollbackRun = (dependencies: Dependencies) => async ({ run }: { readonly run: RunRef }): Promise<RollbackRunOutput> => {
  const artefacts = openArtefacts(dependencies.staging);
  const { spec, connectionsFile } = await artefacts.run(run);
  return withControl(dependencies.reached, async (control) => {
    const kept: Record<string, string> = {};
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      for (const stream of spec.streams) {
        if (!(await artefacts.plan.find(run, stream.stream))) continue;
        if (await artefacts.published.find(run, stream.stream)) kept[stream.stream] = `not rolled back: it was published before the cancel, and what readers have seen is not taken from them; "write: ${stream.write}" keeps no earlier version to return to`;
        else await destination.rollback({ run, stream }, control);
      }
    } finally {
      await destination.close();
    }
    return { kept };
  });
};
