import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Sample } from '../connectors/connector';
import type { Control } from '../domain/control';
import { slug } from '../domain/ids';
import { referencedStreams, type StreamSpec } from '../domain/pipeline';
import type { Position } from '../domain/position';
import type { PreviewRef, PreviewStream } from '../domain/preview';
import type { Session } from '../transforms/duckdb-engine';
import { putLookups, type AnswerLine, type Lookups } from '../transforms/lookups';
import type { ReferenceRelation } from '../transforms/run-chain';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { openLookups, passingAnswers } from './http-answers';
import { referenceKey } from './outside-references';
import { gatherReferences, inReferenceOrder, tablesRead } from './preview-references';
import { previewStream } from './preview-stages';
import { putOutside } from './references';
import { openSample, sampleOf, sampleTable, tableSample } from './take-sample';
import type { PreviewInput } from './seeing-contract';
import { withKeyChecks } from './start-run';

const homeOf = (id: string): string => `preview/${slug(id)}`;

/** Some rows of each stream through its steps. They go to a file in staging, which `sweepPreview` removes: no row enters history. */
export const createPreviewPipeline = (dependencies: Dependencies) => async (input: PreviewInput): Promise<PreviewRef> =>
  withControl(dependencies.reached, async (control) => {
    const { staging } = dependencies;
    const wanted = inReferenceOrder(withKeyChecks(input.spec).streams.filter(({ stream }) => isNeeded(input, stream)));
    // Taken before the session is opened: a source may need a session of its own, and there may be but one slot.
    const samples = new Map<string, Sample>();
    for (const stream of wanted) samples.set(stream.stream, await takeSample(dependencies, input, stream, control));
    const tables = await tablesOf(dependencies, input, wanted, control);
    const shown = await previewAll(dependencies, input, wanted, samples, tables, control);
    await staging.sweep(`${homeOf(input.id)}/landing`, new Set());
    const { key, path } = await staging.create(`${homeOf(input.id)}/rows`, 'data');
    await writeFile(path, JSON.stringify(input.streams.flatMap((name) => shown.get(name) ?? [])), { mode: 0o600 });
    return { staging: staging.id, file: await staging.seal(key) };
  });

export const createSweepPreview = ({ staging }: Dependencies) => ({ id }: { readonly id: string }): Promise<void> => staging.sweep(homeOf(id), new Set());

/** Streams that are shown, and those that they refer to. */
function isNeeded({ spec, streams }: PreviewInput, name: string): boolean {
  const reaches = (from: string, seen: readonly string[]): boolean => from === name
    || (!seen.includes(from) && spec.streams.filter(({ stream }) => stream === from).flatMap(referencedStreams).some((other) => reaches(other, [...seen, from])));
  return streams.some((stream) => reaches(stream, []));
}

async function takeSample(dependencies: Dependencies, input: PreviewInput, stream: StreamSpec, control: Control): Promise<Sample> {
  const position = await positionOf(dependencies, input, stream);
  return sampleOf({ dependencies, connectionsFile: input.connectionsFile, connection: input.spec.source, stream, rows: input.sample, position, home: `${homeOf(input.id)}/landing`, control });
}

/** Tables that steps look into, by `referenceKey`. Of one with more rows than are read, a preview shows misses that the run will not have. */
async function tablesOf(dependencies: Dependencies, input: PreviewInput, streams: readonly StreamSpec[], control: Control): Promise<ReadonlyMap<string, Sample>> {
  const samples = new Map<string, Sample>();
  for (const reference of streams.flatMap(tablesRead)) {
    const key = referenceKey(reference);
    if (!samples.has(key)) samples.set(key, await sampleTable({ dependencies, connectionsFile: input.connectionsFile, home: `${homeOf(input.id)}/landing`, control }, reference));
  }
  return samples;
}

/** A preview needs no destination; where there is one, its checkpoint pins the types of files. */
async function positionOf({ openDestination }: Dependencies, { connectionsFile, spec }: PreviewInput, stream: StreamSpec): Promise<Position | null> {
  const run = { pipeline: spec.pipeline, workflowId: `${spec.pipeline}/preview`, logicalDate: '1970-01-01T00:00:00Z', generation: 1, executionId: 'preview', startedAt: new Date().toISOString() };
  try {
    const destination = await openDestination(connectionsFile, spec.destination);
    try {
      return (await destination.checkpoint?.({ run, stream }))?.position ?? null;
    } finally {
      await destination.close();
    }
  } catch {
    return null;
  }
}

const previewAll = ({ engine, resolveSecret, openLookup }: Dependencies, input: PreviewInput, wanted: readonly StreamSpec[], samples: ReadonlyMap<string, Sample>, tables: ReadonlyMap<string, Sample>, control: Control): Promise<ReadonlyMap<string, PreviewStream>> =>
  engine.session(control.signal, async (session) => {
    putLookups(session, someOf(session, openLookups({ openLookup, session, connectionsFile: input.connectionsFile, store: passingAnswers(session) })));
    const shown = new Map<string, PreviewStream>();
    const results = new Map<string, ReferenceRelation>();
    for (const [index, stream] of wanted.entries()) {
      await putOutside({ session, stream, connectionsFile: input.connectionsFile, resolveSecret });
      const references = await gatherReferences(session, stream, input.connectionsFile, {
        stream: async (name) => results.get(name)!,
        table: (reference, relation) => openSample(session, relation, tables.get(referenceKey(reference))!),
        fileRows: tableSample,
      }, `s${index}_`);
      const { preview, result } = await previewStream({ session, stream, index, sample: samples.get(stream.stream)!, references, rows: input.sample, shown: input.shown });
      shown.set(stream.stream, preview);
      results.set(stream.stream, result);
    }
    return shown;
  });

/** Addresses that a preview asks for; rows of further ones are shown with NULL, as if they were there. */
const mostAsked = 20;

const someOf = (session: Session, { kept, ask }: Lookups): Lookups => ({
  kept,
  async ask(asking, addresses, signal) {
    const lines = (await readFile(addresses, 'utf8')).split('\n').filter((line) => line !== '');
    await writeFile(addresses, lines.slice(0, mostAsked).map((line) => `${line}\n`).join(''));
    const rest = path.join(session.scratch(), `${path.basename(addresses)}.rest.jsonl`);
    await writeFile(rest, lines.slice(mostAsked).map((line) => `${JSON.stringify({ a: (JSON.parse(line) as { readonly a: string }).a, s: 'found', m: [], e: null, t: 0 } satisfies AnswerLine)}\n`).join(''));
    return [...await ask(asking, addresses, signal), ...(lines.length > mostAsked ? [rest] : [])];
  },
});
