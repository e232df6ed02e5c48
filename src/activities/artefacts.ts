import type { Batch } from '../domain/batch';
import { StagingDamagedError } from '../domain/errors';
import { batchPath, partitionPath, runPath, streamPath, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { Manifest } from '../domain/manifest';
import type { PipelineSpec, StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import type { CheckReport, PublishReceipt } from '../domain/receipt';
import type { StagingStore } from '../stores/staging';

/** `<run>/run.json`: pinned when the run starts. */
export interface RunDocument {
  readonly run: RunRef;
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  readonly allowDestructive: boolean;
}

/** The small documents of a run: each at its deterministic path, first writer wins. */
export interface Artefacts {
  run(run: RunRef): Promise<RunDocument>;
  stream(run: RunRef, stream: string): Promise<RunDocument & { readonly streamSpec: StreamSpec }>;
  plan: Document<[RunRef, string], Plan>;
  manifest: Document<[RunRef, string, number], Manifest>;
  batch: Document<[RunRef, string, number | 'all'], Batch>;
  report: Document<[RunRef, string], CheckReport>;
  published: Document<[RunRef, string], PublishReceipt>;
}

interface Document<Place extends readonly unknown[], Content> {
  find(...place: Place): Promise<Content | null>;
  /** Throws StagingDamagedError where it is missing: an earlier activity has written it. */
  read(...place: Place): Promise<Content>;
  /** Returns what is there afterwards, which another attempt may have written. */
  record(content: Content, ...place: Place): Promise<Content>;
}

export function openArtefacts(staging: StagingStore): Artefacts {
  function document<Place extends readonly unknown[], Content>(keyOf: (...place: Place) => string): Document<Place, Content> {
    const find = async (...place: Place) => parsed<Content>(await staging.read(keyOf(...place)));
    return {
      find,
      read: async (...place) => (await find(...place)) ?? missing(keyOf(...place)),
      record: async (content, ...place) => JSON.parse(await staging.putIfAbsent(keyOf(...place), canonicalJson(content))) as Content,
    };
  }
  const runs = document<[RunRef], RunDocument>((run) => `${runPath(run)}/run.json`);
  return {
    run: runs.read,
    async stream(run, stream) {
      const found = await runs.read(run);
      const streamSpec = found.spec.streams.find((spec) => spec.stream === stream);
      return { ...found, streamSpec: streamSpec ?? missing(`${runPath(run)}/run.json#${stream}`) };
    },
    plan: document((run, stream) => `${streamPath(run, stream)}/plan.json`),
    manifest: document((run, stream, ordinal) => `${partitionPath(run, stream, ordinal)}/manifest.json`),
    batch: document((run, stream, ordinal) => `${batchPath(run, stream, ordinal)}/batch.json`),
    report: document((run, stream) => `${streamPath(run, stream)}/check-report.json`),
    published: document((run, stream) => `${streamPath(run, stream)}/published.json`),
  };
}

const parsed = <Content>(text: string | null): Content | null => (text === null ? null : (JSON.parse(text) as Content));

const missing = (key: string): never => {
  throw new StagingDamagedError(`reading "${key}" in staging: it is missing; was the staging folder cleaned or moved? start the pipeline again`, { key });
};
