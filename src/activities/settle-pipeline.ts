import type { Destination } from '../connectors/connector';
import { EtlError } from '../domain/errors';
import { runPath } from '../domain/ids';
import type { CleanActivities } from './clean-contract';
import { withControl } from './control';
import type { Control } from '../domain/control';
import type { Dependencies } from './dependencies';
import { settledKey, stagedRuns, type StagedRun } from './staged-runs';

/**
 * Settles in the destination what runs left that were ended from outside: a claim in the run's own name takes the fence, so a late attempt
 * of it writes nothing more, and removes what it had not published. Called under the pipeline's lock.
 */
export const createSettlePipeline = (dependencies: Dependencies): CleanActivities['settlePipeline'] => async ({ pipeline }) =>
  withControl(dependencies.reached, async (control) => {
    const { staging } = dependencies;
    const settled: string[] = [];
    const notes: string[] = [];
    for (const run of await stagedRuns(staging, pipeline)) {
      if (run.life !== 'ended' || run.endedAt !== null || run.settled) continue;
      const { spec, connectionsFile } = run.document;
      const destination = await dependencies.openDestination(connectionsFile, spec.destination);
      try {
        const streams = await settleStreams(destination, run, control, notes);
        settled.push(...streams.map((stream) => `${run.folder}: ${stream}`));
        await staging.putIfAbsent(settledKey(run.folder), JSON.stringify({ at: new Date().toISOString(), streams }));
      } finally {
        await destination.close();
      }
    }
    return { settled, notes };
  });

async function settleStreams(destination: Destination, { document, folder }: StagedRun, control: Control, notes: string[]): Promise<readonly string[]> {
  const settled: string[] = [];
  const run = { ...document.run, part: 'clean' };
  for (const stream of document.spec.streams) {
    const target = { run, stream };
    // Whoever has claimed the stream since has settled it, and may be at work.
    const holder = destination.checkpoint ? (await destination.checkpoint(target))?.holder : runPath(document.run);
    if (holder !== runPath(document.run) && holder !== runPath(run)) continue;
    try {
      await destination.claim(target, control);
      settled.push(stream.stream);
    } catch (error) {
      if (!EtlError.is(error) || error.disposition === 'retry') throw error;
      notes.push(`${folder}: ${error.message}`);
    }
  }
  return settled;
}
