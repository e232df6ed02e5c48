import type { Checkpoint, Destination } from '../connectors/connector';
import { systemPrefix, type Column } from '../domain/column';
import type { Control } from '../domain/control';
import { EtlError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import { namesOf } from '../domain/naming';
import { readWhole, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import { orderedTarget } from '../domain/order';
import { partitionNames, type SourcePlan } from '../domain/plan';
import type { Overlap } from '../domain/rename';
import { canRollback } from '../domain/rollback';
import { describeChain, splitOf } from '../transforms/run-chain';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { referenceKey } from './outside-references';
import { renamed } from './plan-stream';
import { driftShown } from './drift-shown';
import { contractedBy, judgedWith, refuseDrift } from './plan-contract';
import { describeReferences, inReferenceOrder, tablesRead } from './preview-references';
import type { DescribeRunInput, PlannedStream } from './seeing-contract';
import { overlapOf } from './rename-overlap';
import { refuseStrangers } from './strangers';
import { withKeyChecks } from './start-run';

const mostStatements = 20;
const mostLabels = 3;
/** A plan that is only looked at waits this long for open transactions; a run waits as `settle` says. */
const patience = 1000;

/** What a run started now would read and do. Nothing is written, and no fence moves. */
export const createDescribeRun = (dependencies: Dependencies) => async (input: DescribeRunInput): Promise<readonly PlannedStream[]> =>
  withControl(dependencies.reached, async (control) => {
    const spec = withKeyChecks(input.spec);
    const columns = new Map<string, readonly Column[]>();
    const planned = new Map<string, PlannedStream>();
    const destination = await dependencies.openDestination(input.connectionsFile, spec.destination);
    try {
      for (const stream of inReferenceOrder(spec.streams)) planned.set(stream.stream, await describeStream({ ...input, spec }, stream, destination, columns, dependencies, control));
    } finally {
      await destination.close();
    }
    return spec.streams.map(({ stream }) => planned.get(stream)!);
  });

async function describeStream(input: DescribeRunInput, stream: StreamSpec, destination: Destination, known: Map<string, readonly Column[]>, dependencies: Dependencies, control: Control): Promise<PlannedStream> {
  const target = { run: runToBe(input.spec, input.logicalDate), stream };
  let found: Partial<PlannedStream> = {};
  try {
    const checkpoint = (await destination.checkpoint?.(target)) ?? null;
    found = { ...found, checkpoint: checkpoint && { position: checkpoint.position && { cursor: checkpoint.position.cursor }, version: checkpoint.version, holder: checkpoint.holder } };
    await refuseStrangers(destination, target, input.spec, checkpoint?.version ?? 0);
    const plan = await askSource(input, stream, checkpoint, dependencies, control);
    found = { ...found, ...facts(plan) };
    const names = namesOf(plan.columns, stream.naming, stream.stream);
    const tables = await tableColumns(input, stream, dependencies, control);
    const contract = (overlap?: Overlap) => dependencies.engine.session(control.signal, async (session) => {
      const references = await describeReferences(session, stream, input.connectionsFile, known, tables);
      return contractedBy({ pipeline: input.spec.pipeline, stream, known: checkpoint?.position?.contract, now: renamed(plan.columns, names), overlap, describe: (some) => describeChain(session, some, stream.steps, references) });
    });
    const openSource = () => dependencies.openSource(input.connectionsFile, input.spec.source);
    const contracted = await judgedWith(contract, (drift) => overlapOf({ engine: dependencies.engine, openSource, destination, target, position: checkpoint?.position ?? null, columns: plan.columns, names, control }, drift));
    const columns = contracted.target;
    found = { ...found, drift: driftShown(contracted) };
    known.set(stream.stream, columns);
    refuseDrift(contracted, stream.stream);
    const { wholeStream } = splitOf(stream.steps, stream.checks, partitionNames({ ...plan, names }));
    found = { ...found, columns: columns.map(({ name, type }) => ({ name, type })), wholeStream };
    const ordered = orderedTarget({ stream, columns: plan.columns, names, target: columns }, wholeStream);
    const firstLoad = checkpoint === null || checkpoint.version === 0;
    const changes = await destination.prepare(target, { ...ordered, ...contracted.plan, fence: (checkpoint?.fence ?? 0) + 1, firstLoad, key: plan.key }, { dryRun: true, allowDestructive: input.allowDestructive });
    return plannedOf(stream, { ...found, notes: [...found.notes ?? [], ...changes.notes ?? []], statements: changes.statements.slice(0, mostStatements), destructive: [...changes.destructive, ...effectsOf(stream, firstLoad)] }, null);
  } catch (error) {
    if (control.signal.aborted) throw error;
    return plannedOf(stream, found, { message: error instanceof Error ? error.message : String(error), area: EtlError.is(error) ? error.area : 'internal' });
  }
}

const runToBe = ({ pipeline }: PipelineSpec, logicalDate: string): RunRef =>
  ({ pipeline, workflowId: `${pipeline}/plan`, logicalDate, generation: 1, executionId: 'plan', startedAt: new Date().toISOString() });

async function askSource({ spec, connectionsFile, logicalDate }: DescribeRunInput, stream: StreamSpec, checkpoint: Checkpoint | null, dependencies: Dependencies, control: Control): Promise<SourcePlan> {
  const source = await dependencies.openSource(connectionsFile, spec.source);
  try {
    const patient = { ...stream, settle: Math.min(stream.settle, patience) };
    return await source.plan({ stream: patient, position: checkpoint?.position ?? null, files: checkpoint?.files ?? [], logicalDate }, control);
  } finally {
    await source.close();
  }
}

/** Asked for before a session is opened: a source may need one of its own. */
async function tableColumns({ connectionsFile, logicalDate }: DescribeRunInput, stream: StreamSpec, { openSource }: Dependencies, control: Control): Promise<ReadonlyMap<string, readonly Column[]>> {
  const found = new Map<string, readonly Column[]>();
  for (const reference of tablesRead(stream)) {
    const source = await openSource(connectionsFile, reference.connection);
    try {
      const { columns } = await source.plan({ stream: readWhole(reference.table), position: null, files: [], logicalDate }, control);
      found.set(referenceKey(reference), columns.filter(({ name }) => !name.startsWith(systemPrefix)));
    } finally {
      await source.close();
    }
  }
  return found;
}

function facts({ window, partitions, notes }: SourcePlan): Partial<PlannedStream> {
  const rows = partitions.map(({ estimatedRows }) => estimatedRows);
  return {
    window, notes,
    partitions: { count: partitions.length, labels: partitions.slice(0, mostLabels).map(({ label }) => label) },
    estimatedRows: rows.includes(null) ? null : rows.reduce<number>((sum, one) => sum + one!, 0),
  };
}

const plannedOf = (stream: StreamSpec, found: Partial<PlannedStream>, problem: PlannedStream['problem']): PlannedStream => ({
  stream: stream.stream, to: stream.to, mode: stream.mode, write: stream.write,
  checkpoint: null, window: null, partitions: { count: 0, labels: [] }, estimatedRows: null, columns: [], statements: [], destructive: [], drift: { differences: [], outcome: null },
  wholeStream: splitOf(stream.steps, stream.checks).wholeStream,
  ...found,
  rollback: canRollback(stream),
  notes: [...(found.notes ?? []), ...notesOf(stream, found.notes ?? [])],
  problem,
});

/** What takes rows away although nothing is dropped. */
function effectsOf({ write, to, by }: StreamSpec, firstLoad: boolean): readonly string[] {
  if (firstLoad) return [];
  if (write === 'replace') return [`replace takes away all rows that "${to}" has`];
  if (write === 'delete_insert') return [`delete_insert takes away the rows of "${to}" ${by === 'window' ? 'in the window that is read' : `that share ${(by ?? []).join(', ')} with what is read`}`];
  return [];
}

function notesOf(stream: StreamSpec, told: readonly string[]): readonly string[] {
  const rejects = stream.checks.some(({ options }) => options['on_fail'] === 'quarantine') || stream.steps.length > 0;
  return [
    ...(stream.write === 'replace' && rejects ? ['replace drops the previous version of a rejected row'] : []),
    ...(stream.mode === 'incremental' && !told.some((note) => /deleted/.test(note)) ? ['hard deletes are not seen: rows deleted in the source stay in the destination'] : []),
    ...(stream.cursorChanges === 'never' ? ['cursor_changes: never is relied on: a row whose cursor changes would be counted twice'] : []),
  ];
}
