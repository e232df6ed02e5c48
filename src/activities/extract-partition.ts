import { rm } from 'node:fs/promises';
import { partitionPath } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { LandingFile, Manifest } from '../domain/manifest';
import type { LandedPage, Landing, Pages } from '../connectors/connector';
import type { StagingStore } from '../stores/staging';
import { openArtefacts } from './artefacts';
import type { PartitionInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
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
    if (plan.replay) return landed(await landReplayed(dependencies, control, run, plan, partition));
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

/** `discard`: what a failed reading leaves goes at once, apart from its pages; on a full disk each further attempt would else find less room. */
function landingIn(staging: StagingStore, prefix: string): { readonly landing: Landing; discard(): Promise<void> } {
  const made = new Map<string, string>();
  return {
    landing: {
      async create(extension) {
        const place = await staging.create(prefix, extension);
        made.set(place.key, place.path);
        return place;
      },
      seal: async (key, facts) => ({ ...(await staging.seal(key)), ...facts }),
      // Before it is recorded: where the answer is lost, the page may be there all the same.
      pages: pagesIn(staging, prefix, (page) => { for (const { key } of page.files) made.delete(key); }),
    },
    async discard() {
      for (const file of made.values()) await rm(file, { force: true });
    },
  };
}

function pagesIn(staging: StagingStore, prefix: string, keep: (page: LandedPage) => void): Pages {
  const keyOf = (number: number): string => `${prefix}/page-${String(number).padStart(5, '0')}.json`;
  return {
    async find(number) {
      const text = await staging.read(keyOf(number));
      return text === null ? null : JSON.parse(text) as LandedPage;
    },
    async record(number, page) {
      keep(page);
      return JSON.parse(await staging.putIfAbsent(keyOf(number), canonicalJson(page))) as LandedPage;
    },
  };
}

const manifestOf = (partition: string, files: readonly LandingFile[]): Manifest => ({
  partition, files,
  rows: files.reduce((sum, file) => sum + file.rows, 0),
  bytes: files.reduce((sum, file) => sum + file.bytes, 0),
});

const sizeOf = ({ rows, bytes }: Manifest) => ({ rows, bytes });
