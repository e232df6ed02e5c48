import { DestinationHeldError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';

/** Nothing of this batch is in the destination afterwards, and nothing of it can come there. */
export async function takeBack(dependencies: Dependencies, artefacts: Artefacts, run: RunRef, stream: string, batchId: string): Promise<void> {
  const { spec, streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  // Batches of a stream step's input are never loaded.
  if (plan.wholeStream) return;
  const destination = await dependencies.openDestination(connectionsFile, spec.destination);
  try {
    const target = { run, stream: streamSpec };
    if (destination.discard) return await destination.discard(target, plan, batchId);
    const { [batchId]: rows } = await destination.count(target, plan, [batchId]);
    if (rows) throw new DestinationHeldError(`taking back batch "${batchId}": it is loaded, and "${spec.destination}" cannot take back one batch; cancel and run it again`, { batch: batchId });
  } finally {
    await destination.close();
  }
}
