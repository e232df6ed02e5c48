import path from 'node:path';
import type { Batch } from '../domain/batch';
import { systemPrefix } from '../domain/column';
import type { Control } from '../domain/control';
import type { RunRef } from '../domain/ids';
import type { StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import { formatForFile } from '../formats/registry';
import type { StagingStore } from '../stores/staging';
import { fileList, type Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import { stepNamed } from '../transforms/registry';
import type { References, ReferenceRelation } from '../transforms/run-chain';
import { putBaseFolder, putSecrets } from '../transforms/secrets';
import { outsideOf, pinnedFiles, referencesOf, type Outside } from './outside-references';
import { putLookups } from '../transforms/lookups';
import { openLookups, stagedAnswers } from './http-answers';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';

interface ReferenceRequest {
  readonly session: Session;
  readonly staging: StagingStore;
  readonly artefacts: Artefacts;
  readonly run: RunRef;
  readonly stream: StreamSpec;
  readonly connectionsFile: string;
  readonly resolveSecret: Dependencies['resolveSecret'];
  /** For steps that ask outside; absent: none of them runs here. */
  readonly openLookup?: Dependencies['openLookup'];
  readonly progress?: Control['progress'];
}

/** Makes what the steps of a stream read besides its own rows into views, by step ordinal and reference name; puts the secrets they name into the session. */
export async function openReferences(request: ReferenceRequest): Promise<References> {
  const found: Record<number, Record<string, ReferenceRelation>> = {};
  const { spec } = await request.artefacts.run(request.run);
  await putOutside(request);
  if (request.openLookup) putLookups(request.session, openLookups({ openLookup: request.openLookup, session: request.session, connectionsFile: request.connectionsFile, store: stagedAnswers(request.staging, request.run), progress: request.progress }));
  for (const { ordinal, references } of referencesOf(request.stream)) {
    for (const [key, reference] of Object.entries(references)) {
      const relation = `reference_${ordinal < 0 ? `check_${-1 - ordinal}` : ordinal}_${key}`;
      const outside = outsideOf(reference, spec);
      const columns = outside ? await openPinned(request, relation, outside) : await openStream(request, relation, (reference as { readonly stream: string }).stream);
      (found[ordinal] ??= {})[key] = { relation, columns };
    }
  }
  return found;
}

/** What steps need besides rows: secrets by reference, and the folder that their files are relative to. */
export async function putOutside(request: Pick<ReferenceRequest, 'session' | 'stream' | 'connectionsFile' | 'resolveSecret'>): Promise<void> {
  await putBaseFolder(request.session, path.dirname(request.connectionsFile));
  await putSecrets(request.session, await secretsOf(request));
}

async function secretsOf({ stream, connectionsFile, resolveSecret }: Pick<ReferenceRequest, 'stream' | 'connectionsFile' | 'resolveSecret'>): Promise<ReadonlyMap<string, string>> {
  const references = new Set(stream.steps.flatMap(({ name, options }) => stepNamed(name).secrets(options)));
  const values = new Map<string, string>();
  for (const reference of references) values.set(reference, await resolveSecret(connectionsFile, reference));
  return values;
}

/** The whole of another stream of this run: its staged rows, which lie there until the run has ended. */
async function openStream({ session, staging, artefacts, run }: ReferenceRequest, relation: string, stream: string): Promise<Plan['target']> {
  const plan = await artefacts.plan.read(run, stream);
  const batches = await batchesOf(artefacts, run, stream, plan);
  const columns = plan.target.filter(({ name }) => !name.startsWith(systemPrefix));
  await viewOf(session, staging, relation, batches, columns.map(({ name }) => name));
  return columns;
}

/** What `pinReferences` has copied when the stream was planned. */
async function openPinned({ session, staging, artefacts, run }: ReferenceRequest, relation: string, reference: Outside): Promise<Plan['target']> {
  const { columns, files } = await pinnedFiles({ artefacts, run }, reference);
  await viewOf(session, staging, relation, [{ id: relation, format: 'parquet', files }], columns.map(({ name }) => name), columns.map(({ type }) => type));
  return columns;
}

export async function openFile({ session, connectionsFile }: Pick<ReferenceRequest, 'session' | 'connectionsFile'>, relation: string, file: string): Promise<Plan['target']> {
  const absolute = path.resolve(path.dirname(connectionsFile), file);
  const { format, options } = formatForFile(absolute);
  const columns = await format.infer(session, absolute, options, 100_000);
  await format.read(session, options, { path: absolute, columns, relation, ordinals: false, rejects: `${relation}_rejects` });
  return columns;
}

/** Batches that are loaded, in source order. */
export async function batchesOf(artefacts: Artefacts, run: RunRef, stream: string, plan: Plan): Promise<readonly Batch[]> {
  if (plan.wholeStream) return [await artefacts.batch.read(run, stream, 'all')];
  return partitionBatches(artefacts, run, stream, plan);
}

/** Batches of the partitions: what is loaded, or what the stream steps start from. */
export async function partitionBatches(artefacts: Artefacts, run: RunRef, stream: string, plan: Plan): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  for (const { ordinal, generation } of await movedPartitions(artefacts, run, stream, plan)) batches.push(await artefacts.batch.read(run, stream, ordinal, generation));
  return batches;
}

/** Partitions that were moved, in source order: all but those left out, each in its last generation. */
export async function movedPartitions(artefacts: Artefacts, run: RunRef, stream: string, plan: Plan): Promise<readonly { readonly ordinal: number; readonly generation: number }[]> {
  const { skipped, generationOf } = await artefacts.amendments(run, stream);
  return plan.partitions.filter(({ ordinal }) => !skipped.includes(ordinal)).map(({ ordinal }) => ({ ordinal, generation: generationOf(ordinal) }));
}

/** A view over the staged files of batches; with no batch at all, over a relation of the same columns without rows. */
export async function viewOf(session: Session, staging: StagingStore, relation: string, batches: readonly Pick<Batch, 'id' | 'format' | 'files'>[], columns: readonly string[], types?: readonly string[]): Promise<void> {
  const unread = batches.find(({ format }) => format !== 'parquet');
  if (unread) throw new Error(`batch "${unread.id}" passes as ${unread.format}; nothing may read it but its load`);
  const paths: string[] = [];
  for (const file of batches.flatMap(({ files }) => files)) paths.push(await staging.fetch(file));
  const list = columns.map(quoteIdentifier).join(', ');
  const source = paths.length > 0
    ? `SELECT ${list} FROM read_parquet(${fileList(paths)})`
    : `SELECT ${columns.map((name, index) => `CAST(NULL AS ${types?.[index] ?? 'VARCHAR'}) AS ${quoteIdentifier(name)}`).join(', ')} WHERE false`;
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS ${source}`);
}
