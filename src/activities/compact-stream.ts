import { ConfigurationError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import type { CompactActivities } from './compact-contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';

const defaultFileSize = 128_000_000;

/** Merges small files of one stream's table. No claim, so that runs go on beside it; the head decides (docs/decisions). */
export const createCompactStream = (dependencies: Dependencies): CompactActivities['compactStream'] => async ({ spec, connectionsFile, stream, fileSize, dryRun }) =>
  withControl(dependencies.reached, async (control) => {
    const streamSpec = spec.streams.find((one) => one.stream === stream)!;
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      if (!destination.compact) throw new ConfigurationError(`compacting "${streamSpec.to}": "${spec.destination}" is a database, which keeps its own files; compact is for tables of files and buckets`);
      const found = await destination.compact({ target: { run: asRun(spec.pipeline), stream: streamSpec }, fileSize: fileSize ?? streamSpec.fileSize ?? defaultFileSize, dryRun }, control);
      return { stream, to: streamSpec.to, ...found };
    } finally {
      await destination.close();
    }
  });

/** A target is seen by a run; this one claims nothing. */
const asRun = (pipeline: string): RunRef => ({ pipeline, workflowId: `${pipeline}/compact`, logicalDate: '1970-01-01T00:00:00Z', generation: 1, executionId: 'compact', startedAt: '1970-01-01T00:00:00.000Z' });
