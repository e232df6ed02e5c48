import type { BatchRef } from '../domain/batch';
import { positionColumn } from '../domain/column';
import { columnsUnder } from '../domain/contract-verdict';
import { batchNumberOf, batchPath } from '../domain/ids';
import { writeQuarantine } from '../stores/quarantine';
import { stagesPosition } from '../domain/pipeline';
import { partitionNames, type Plan } from '../domain/plan';
import type { ReplayedBatch } from '../domain/replay';
import { createRejects, describeChain, runChain, splitOf } from '../transforms/run-chain';
import { openArtefacts } from './artefacts';
import type { StreamInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { renamed } from './plan-stream';
import { proveBatch } from './prove-batch';
import { openReferences, partitionBatches, viewOf } from './references';
import { openSourceRecords } from './source-records';
import { writeStaged } from './staged-files';
import { checksumOf, refTo } from './transform-batch';

/** Of a replay: the batch that had rejected its rows; of several the oldest, which no newer row must give way to. */
function originalOfAll({ replay, partitions }: Plan): { readonly original?: string } {
  const numbers = replay ? partitions.flatMap(({ detail }) => (detail as unknown as ReplayedBatch).original ?? []) : [];
  return numbers.length === 0 ? {} : { original: numbers.reduce((oldest, number) => (BigInt(number) < BigInt(oldest) ? number : oldest)) };
}

/** Staged batches → stream steps and checks, once, out of core → the batch `all`. */
export const createTransformStream = (dependencies: Dependencies) => async ({ run, stream }: StreamInput): Promise<BatchRef> => {
  const { staging, engine, reached } = dependencies;
  const artefacts = openArtefacts(staging);
  const earlier = await artefacts.batch.find(run, stream, 'all');
  if (earlier) return refTo(earlier);

  const { streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const { steps, checks } = streamSpec;
  const plan = await artefacts.plan.read(run, stream);
  const parts = await partitionBatches(artefacts, run, stream, plan);
  return withControl(reached, (control) => engine.session(control.signal, async (session) => {
    const references = await openReferences({ session, staging, artefacts, run, stream: streamSpec, connectionsFile, resolveSecret: dependencies.resolveSecret, openLookup: dependencies.openLookup, progress: control.progress });
    const { firstStreamStep } = splitOf(steps, checks, partitionNames(plan));
    const columns = await describeChain(session, columnsUnder(plan.rules ?? [], renamed(plan.columns, plan.names)), steps.slice(0, firstStreamStep), references);
    const names = columns.map(({ name }) => name);
    await viewOf(session, staging, 'input', parts, [...names, positionColumn], [...columns.map(({ type }) => type), 'BIGINT']);
    await createRejects(session, 'rejects');
    const chain = await runChain({ session, relation: 'input', columns, steps: steps.slice(firstStreamStep), firstStep: firstStreamStep, positions: true, checks, references, rejects: 'rejects', misfits: plan.misfits ?? [] });
    const id = batchPath(run, stream, 'all');
    const staged = await writeStaged({ session, staging, prefix: id, relation: chain.relation, columns: chain.columns, position: stagesPosition(streamSpec), lineage: plan.stagesLineage ? batchNumberOf(plan.fence, 'all') : null, control });
    const counts = await chain.finish();
    const sources = await openSourceRecords({ session, staging, artefacts, run, plan, rejects: 'rejects' });
    const quarantine = await writeQuarantine({ session, staging, batch: id, rejects: 'rejects', structural: [], raw: sources, origins: sources.origins });
    const proof = await proveBatch(session, staging, plan, { format: 'parquet', files: [staged.file], rows: staged.rows, id });
    control.reached('transform:after-data');
    const batch = await artefacts.batch.record({
      id, stream, format: 'parquet', files: [staged.file], columns: chain.columns, rows: staged.rows, bytes: staged.file.bytes,
      checksum: checksumOf([staged.file.checksum, String(staged.rows)]), proof,
      lines: counts.close(staged.rows), quarantine, read: parts.reduce((sum, { rows }) => sum + rows, 0), failing: counts.failing, ...originalOfAll(plan),
    }, run, stream, 'all');
    control.reached('transform:after-batch');
    return refTo(batch);
  }));
};
