import { createHash } from 'node:crypto';
import type { BalanceLine } from '../domain/balance';
import { emptyLine } from '../domain/balance';
import type { Batch, BatchRef } from '../domain/batch';
import { UnreadableValueError } from '../domain/errors';
import type { Control } from '../domain/control';
import { positionColumn } from '../domain/column';
import { batchNumberOf, batchPath } from '../domain/ids';
import type { Figures } from '../domain/fingerprint';
import type { Manifest } from '../domain/manifest';
import { stagesPosition } from '../domain/pipeline';
import { partitionNames, type Plan } from '../domain/plan';
import type { ReplayedBatch } from '../domain/replay';
import { writeQuarantine } from '../stores/quarantine';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier } from '../transforms/quote';
import { createRejects, needsPositions, rejectsRows, runChain, splitOf, type ChainResult } from '../transforms/run-chain';
import { openArtefacts } from './artefacts';
import type { PartitionInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { openLanding } from './open-landing';
import { renamed } from './plan-stream';
import { proveBatch } from './prove-batch';
import { openReferences } from './references';
import { writeStaged } from './staged-files';

/** Landing files → row steps and row checks → staged Parquet, and what was rejected on the way. The first batch wins. */
export const createTransformBatch = (dependencies: Dependencies) => async ({ run, stream, ordinal, reread }: PartitionInput): Promise<BatchRef> => {
  const { staging, engine, reached } = dependencies;
  const artefacts = openArtefacts(staging);
  const earlier = await artefacts.batch.find(run, stream, ordinal, reread);
  if (earlier) return refTo(earlier);

  const { streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  const manifest = await artefacts.manifest.read(run, stream, ordinal, reread);
  if (plan.passes) return withControl(reached, async (control) => {
    const id = batchPath(run, stream, ordinal, reread);
    const proof = await engine.session(control.signal, (session) => proveBatch(session, staging, plan, { format: 'copy_csv', files: manifest.files, rows: manifest.rows, id }));
    control.reached('transform:after-data');
    const batch = await artefacts.batch.record(passed(id, manifest, plan, proof), run, stream, ordinal, reread);
    control.reached('transform:after-batch');
    return refTo(batch);
  });
  const transform = (control: Control, careful: boolean): Promise<BatchRef> => engine.session(control.signal, async (session) => {
    const references = await openReferences({ session, staging, artefacts, run, stream: streamSpec, connectionsFile, resolveSecret: dependencies.resolveSecret, openLookup: dependencies.openLookup, progress: control.progress });
    const { firstStreamStep, wholeStream } = splitOf(streamSpec.steps, streamSpec.checks, partitionNames(plan));
    const { rules = [], misfits = [] } = plan;
    const staysPlaced = wholeStream || stagesPosition(streamSpec);
    const positions = staysPlaced || plan.carries !== undefined || needsPositions(streamSpec.steps, streamSpec.checks) || rejectsRows(rules) || misfits.length > 0;
    const input = await openLanding({ session, staging, plan, files: manifest.files, ordinal, positions: positions || careful, careful, trusting: !careful });
    await createRejects(session, 'rejects');
    const steps = await runChain({
      session, relation: 'input', columns: renamed(plan.columns, plan.names),
      steps: streamSpec.steps.slice(0, firstStreamStep), firstStep: 0, positions: positions || careful,
      checks: wholeStream ? [] : streamSpec.checks, references, rejects: 'rejects', rules, readOnce: !careful && plan.carries === undefined, misfits: wholeStream ? [] : misfits,
    });
    const chain = plan.carries === undefined ? steps : await carryOrder(session, steps, plan);
    const id = batchPath(run, stream, ordinal, reread);
    const staged = await writeStaged({ session, staging, prefix: id, relation: chain.relation, columns: chain.columns, position: staysPlaced, lineage: plan.stagesLineage && !wholeStream ? batchNumberOf(plan.fence, ordinal) : null, control });
    const counts = await chain.finish();
    const lines = counts.close(staged.rows);
    const received = lines[0]?.in ?? staged.rows;
    if (!careful && received + input.rejected !== manifest.rows) throw new UnreadableValueError(`reading the files of "${id}": ${received + input.rejected} records were found, the source counted ${manifest.rows}; they are read again with care`);
    const quarantine = await writeQuarantine({ session, staging, batch: id, rejects: 'rejects', structural: input.rejects, raw: positions || careful ? { relation: 'input', columns: plan.names } : null, origins: input.origins });
    const proof = wholeStream ? null : await proveBatch(session, staging, plan, { format: 'parquet', files: [staged.file], rows: staged.rows, id });
    control.reached('transform:after-data');
    const batch = await artefacts.batch.record({
      id, stream, format: 'parquet', files: [staged.file], columns: chain.columns, rows: staged.rows, bytes: staged.file.bytes,
      checksum: checksumOf([staged.file.checksum, String(staged.rows)]), proof,
      lines: [...readLine(manifest.rows, received, input.rejected), ...lines],
      quarantine, read: manifest.rows, failing: counts.failing, ...originalOf(plan, ordinal), ...(Object.keys(chain.discarded).length > 0 && { discarded: chain.discarded }),
    }, run, stream, ordinal, reread);
    control.reached('transform:after-batch');
    return refTo(batch);
  });
  return withControl(reached, async (control) => {
    try {
      return await transform(control, false);
    } catch (error) {
      if (!(error instanceof UnreadableValueError)) throw error;
      // Fast reading fails as a whole on such a value; careful reading sets its row aside.
      return transform(control, true);
    }
  });
};

/** The column that tells which version is newer comes past steps that drop it: each row still has the position of its record. */
async function carryOrder(session: Session, chain: ChainResult, { carries, order, target }: Plan): Promise<ChainResult> {
  const at = quoteIdentifier(positionColumn);
  await session.run(`CREATE TEMP VIEW carried AS SELECT c.*, i.${quoteIdentifier(carries!)} AS ${quoteIdentifier(order!)} FROM ${quoteIdentifier(chain.relation)} c JOIN input i ON i.${at} = c.${at}`);
  return { ...chain, relation: 'carried', columns: [...chain.columns, target.find(({ name }) => name === order)!] };
}

/** Nothing is to be done: the landing files are the batch. */
const passed = (id: string, { files, rows, bytes }: Manifest, plan: Plan, proof: Figures | null): Batch => ({
  id, stream: plan.stream, format: 'copy_csv', files, columns: plan.target, rows, bytes,
  checksum: checksumOf([...files.map(({ checksum }) => checksum), String(rows)]), proof,
  lines: readLine(rows, rows, 0), quarantine: [], read: rows, failing: {},
});

export const checksumOf = (parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);

export const refTo = ({ id, rows, read, quarantine }: Batch): BatchRef => ({ id, rows, read, rejected: quarantine.reduce((sum, file) => sum + file.rows, 0) });

/** `read`: records of the source against those that could be read as the plan's columns. */
const readLine = (source: number, out: number, rejected: number): readonly BalanceLine[] => [{ ...emptyLine('read'), in: source, out, rejected }];

/** The batch that had rejected the rows of a replay's partition. */
const originalOf = ({ replay, partitions }: Plan, ordinal: number): Pick<Batch, 'original'> => {
  const original = replay && (partitions[ordinal]!.detail as unknown as ReplayedBatch).original;
  return original ? { original } : {};
};
