import path from 'node:path';
import type { Column } from '../domain/column';
import type { Control } from '../domain/control';
import type { RunRef } from '../domain/ids';
import type { LandingFile, StagedFile } from '../domain/manifest';
import { readWhole, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import type { Plan, SourcePlan } from '../domain/plan';
import { formatForFile, formatNamed } from '../formats/registry';
import type { TableReference } from '../transforms/step';
import type { Artefacts } from './artefacts';
import type { Dependencies } from './dependencies';
import { landingIn } from './landing-in';
import { outsideOf, referenceHome, referenceKey, referencesOf } from './outside-references';
import { writeStaged } from './staged-files';
import { waitForRoom } from './staging-room';

interface PinRequest {
  readonly dependencies: Dependencies;
  readonly artefacts: Artefacts;
  readonly control: Control;
  readonly run: RunRef;
  readonly spec: PipelineSpec;
  readonly stream: StreamSpec;
  readonly connectionsFile: string;
}

/**
 * Copies into staging, once per run, what steps and checks read besides rows of the run: all batches, attempts and streams see the same,
 * whatever becomes of the table meanwhile. Part by part: a second visit goes on where the first ended; the first record of a part wins.
 */
export async function pinReferences(request: PinRequest): Promise<void> {
  for (const { references } of referencesOf(request.stream)) {
    for (const reference of Object.values(references)) {
      const outside = outsideOf(reference, request.spec);
      if (outside) await ('file' in outside ? pinFile(request, outside.file, referenceKey(outside)) : pinTable(request, outside, referenceKey(outside)));
    }
  }
}

async function pinTable(request: PinRequest, { connection, table }: TableReference, key: string): Promise<void> {
  const { dependencies, artefacts, control, run, spec, connectionsFile } = request;
  const stream = readWhole(table);
  const missing = async (plan: SourcePlan | null) => plan === null || (await Promise.all(plan.partitions.map(({ ordinal }) => artefacts.referencePart.find(run, key, ordinal)))).includes(null);
  let plan = await artefacts.reference.find(run, key);
  if (!await missing(plan)) return;
  const source = await dependencies.openSource(connectionsFile, connection);
  try {
    plan ??= await artefacts.reference.record(await source.plan({ stream, position: null, files: [], logicalDate: run.logicalDate }, control), run, key);
    for (const partition of plan.partitions) {
      if (await artefacts.referencePart.find(run, key, partition.ordinal)) continue;
      await waitForRoom(dependencies.staging, spec, control);
      const { landing, discard } = landingIn(dependencies.staging, `${referenceHome(run, key)}/${partition.ordinal}`);
      try {
        await record(request, key, partition.ordinal, plan.columns, await source.read({ stream, plan: planToRead(plan, table), partition }, landing, control));
      } finally {
        await discard();
      }
    }
  } finally {
    await source.close();
  }
}

async function pinFile(request: PinRequest, file: string, key: string): Promise<void> {
  const { dependencies: { engine }, artefacts, control, run, connectionsFile } = request;
  if (await artefacts.referencePart.find(run, key, 0)) return;
  const absolute = path.resolve(path.dirname(connectionsFile), file);
  const { format, options } = formatForFile(absolute);
  const columns = await engine.session(control.signal, (session) => format.infer(session, absolute, options, 100_000));
  const { columns: known } = await artefacts.reference.record({ columns, key: [], window: null, partitions: [{ ordinal: 0, label: file, detail: null, estimatedRows: null }], position: { cursor: null }, files: [], reloads: [], notes: [] }, run, key);
  await record(request, key, 0, known, [{ path: absolute, format: { name: format.name, options } }]);
}

type Readable = LandingFile | { readonly path: string; readonly format: LandingFile['format'] };

/** As Parquet: what one batch reads of it the next need not parse again. */
async function record({ dependencies: { staging, engine }, artefacts, control, run }: PinRequest, key: string, ordinal: number, columns: readonly Column[], files: readonly Readable[]): Promise<void> {
  const staged: StagedFile[] = [];
  for (const file of files) {
    const local = 'path' in file ? file.path : await staging.fetch(file);
    staged.push(await engine.session(control.signal, async (session) => {
      await formatNamed(file.format.name).read(session, file.format.options, { path: local, columns, relation: 'part', ordinals: false, rejects: 'part_rejects' });
      return (await writeStaged({ session, staging, prefix: `${referenceHome(run, key)}/${ordinal}`, relation: 'part', columns, position: false, lineage: null, control })).file;
    }));
  }
  await artefacts.referencePart.record(staged, run, key, ordinal);
}

/** A plan as `read` wants it, for rows that go nowhere. */
export const planToRead = (plan: SourcePlan, stream: string): Plan => ({
  ...plan, stream, names: plan.columns.map(({ name }) => name), target: plan.columns,
  wholeStream: false, passes: false, stagesLineage: false, proof: null, fence: 0, firstLoad: true, version: 0, hash: '',
});
