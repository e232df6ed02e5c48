import type { Batch } from '../domain/batch';
import { StagingDamagedError } from '../domain/errors';
import type { Gap } from '../domain/gap';
import { batchPath, partitionName, partitionPath, runPath, streamPath, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { Manifest, StagedFile } from '../domain/manifest';
import type { PipelineSpec, StreamSpec } from '../domain/pipeline';
import type { Plan, SourcePlan } from '../domain/plan';
import type { CheckReport, CheckResultLine, PublishReceipt } from '../domain/receipt';
import { replayedAs, type ReplaySelection } from '../domain/replay';
import type { ProofDocument } from '../domain/stream-proof';
import type { StagingStore } from '../stores/staging';
import { needsAllRows } from '../transforms/run-chain';

/** `<run>/run.json`: pinned when the run starts. */
export interface RunDocument {
  readonly run: RunRef;
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
  readonly allowDestructive: boolean;
  /** The run loads what earlier runs skipped, and nothing else. */
  readonly gaps?: boolean;
  /** The run loads rows that another run rejected: which of them. */
  readonly selection?: ReplaySelection;
}

/** The small documents of a run: each at its deterministic path, first writer wins. */
export interface Artefacts {
  run(run: RunRef): Promise<RunDocument>;
  stream(run: RunRef, stream: string): Promise<RunDocument & { readonly streamSpec: StreamSpec }>;
  plan: Document<[RunRef, string], Plan>;
  /** The last place is the partition's generation, 1 if absent. */
  manifest: Document<[RunRef, string, number, number?], Manifest>;
  batch: Document<[RunRef, string, number | 'all', number?], Batch>;
  /** A partition that a person left out. */
  gap: Document<[RunRef, string, number], Gap>;
  /** A generation of a partition, from 2. */
  reread: Document<[RunRef, string, number, number], Reread>;
  /** What persons have changed about the partitions of a stream while it ran. */
  amendments(run: RunRef, stream: string): Promise<Amendments>;
  /** A file or table outside the run that steps read, by its key: columns and parts. */
  reference: Document<[RunRef, string], SourcePlan>;
  /** A part of it as it lies in staging. */
  referencePart: Document<[RunRef, string, number], readonly StagedFile[]>;
  report: Document<[RunRef, string], CheckReport>;
  /** What checks of the target said that kept a stream from being published. */
  refused: Document<[RunRef, string], readonly CheckResultLine[]>;
  published: Document<[RunRef, string], PublishReceipt>;
  proof: Document<[RunRef, string], ProofDocument>;
}

export interface Reread {
  readonly generation: number;
}
export interface Amendments {
  generationOf(ordinal: number): number;
  readonly skipped: readonly number[];
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
      if (!streamSpec) return missing(`${runPath(run)}/run.json#${stream}`);
      return { ...found, streamSpec: run.replay && !needsAllRows(streamSpec.steps) ? replayedAs(streamSpec) : streamSpec };
    },
    plan: document((run, stream) => `${streamPath(run, stream)}/plan.json`),
    manifest: document((run, stream, ordinal, generation) => `${partitionPath(run, stream, ordinal, generation)}/manifest.json`),
    batch: document((run, stream, ordinal, generation) => `${batchPath(run, stream, ordinal, generation)}/batch.json`),
    gap: document(gapKey),
    reread: document(rereadKey),
    async amendments(run, stream) {
      const names = (await staging.list(streamPath(run, stream))).map((key) => key.slice(key.lastIndexOf('/') + 1));
      const rereads = names.flatMap((name) => /^reread-(\d+)~(\d+)\.json$/.exec(name)?.slice(1).map(Number) ?? []);
      const skipped = names.flatMap((name) => /^gap-(\d+)\.json$/.exec(name)?.slice(1).map(Number) ?? []);
      const generations = new Map<number, number>();
      for (let at = 0; at < rereads.length; at += 2) generations.set(rereads[at]!, Math.max(generations.get(rereads[at]!) ?? 1, rereads[at + 1]!));
      return { generationOf: (ordinal) => generations.get(ordinal) ?? 1, skipped };
    },
    reference: document((run, key) => `${runPath(run)}/_read/${key}/plan.json`),
    referencePart: document((run, key, ordinal) => `${runPath(run)}/_read/${key}/${ordinal}/part.json`),
    report: document((run, stream) => `${streamPath(run, stream)}/check-report.json`),
    refused: document((run, stream) => `${streamPath(run, stream)}/refused-checks.json`),
    published: document((run, stream) => `${streamPath(run, stream)}/published.json`),
    proof: document((run, stream) => `${streamPath(run, stream)}/proof.json`),
  };
}

/** Beside the partitions' folders, so that one listing of the stream's folder shows them all. */
const gapKey = (run: RunRef, stream: string, ordinal: number): string => `${streamPath(run, stream)}/gap-${partitionName(ordinal)}.json`;
const rereadKey = (run: RunRef, stream: string, ordinal: number, generation: number): string => `${streamPath(run, stream)}/reread-${partitionName(ordinal)}~${generation}.json`;

const parsed = <Content>(text: string | null): Content | null => (text === null ? null : (JSON.parse(text) as Content));

const missing = (key: string): never => {
  throw new StagingDamagedError(`reading "${key}" in staging: it is missing; was the staging folder cleaned or moved? start the pipeline again`, { key });
};
