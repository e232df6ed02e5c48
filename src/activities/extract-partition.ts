import { partitionPath } from '../domain/ids';
import type { LandingFile, Manifest } from '../domain/manifest';
import { openArtefacts } from './artefacts';
import type { PartitionInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { landingIn } from './landing-in';
import { landReplayed } from './replay/land';
import { waitForRoom } from './staging-room';

/** Source → landing files. The first manifest wins; from then on the source is not asked again. */
export const createExtractPartition = (dependencies: Dependencies) => async ({ run, stream, ordinal, reread }: PartitionInput): Promise<{ readonly rows: number; readonly bytes: number }> => {
  const { staging, reached } = dependencies;
  const artefacts = openArtefacts(staging);
  const earlier = await artefacts.manifest.find(run, stream, ordinal, reread);
  if (earlier) return sizeOf(earlier);

  const { spec, streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  const partition = plan.partitions[ordinal]!;
  return withControl(reached, async (control) => {
    await waitForRoom(staging, spec, control);
    const id = partitionPath(run, stream, ordinal, reread);
    const landed = async (files: readonly LandingFile[]) => {
      control.reached('extract:after-data');
      const manifest = await artefacts.manifest.record(manifestOf(id, files), run, stream, ordinal, reread);
      control.reached('extract:after-manifest');
      return sizeOf(manifest);
    };
    if (plan.replay && !plan.replay.readsSource) return landed(await landReplayed(dependencies, control, run, plan, partition));
    const source = await dependencies.openSource(connectionsFile, spec.source);
    try {
      const { landing, discard } = landingIn(staging, id);
      const windowed = partition.window === undefined ? plan : { ...plan, window: partition.window };
      const files = await source.read({ stream: streamSpec, plan: windowed, partition }, landing, control).catch(async (error: unknown) => { await discard(); throw error; });
      return await landed(files);
    } finally {
      await source.close();
    }
  });
};

const manifestOf = (partition: string, files: readonly LandingFile[]): Manifest => ({
  partition, files,
  rows: files.reduce((sum, file) => sum + file.rows, 0),
  bytes: files.reduce((sum, file) => sum + file.bytes, 0),
});

const sizeOf = ({ rows, bytes }: Manifest) => ({ rows, bytes });
