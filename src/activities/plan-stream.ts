import { createHash } from 'node:crypto';
import type { Column } from '../domain/column';
import { driftText, type Known } from '../domain/contract';
import { ConfigurationError, EtlError } from '../domain/errors';
import { canonicalJson } from '../domain/json';
import { namesOf } from '../domain/naming';
import { orderedTarget } from '../domain/order';
import { isAtDestination, referencedStreams, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import { partitionNames, type Plan, type PlanRef, type SourcePlan } from '../domain/plan';
import type { ReplayPlan } from '../domain/replay';
import type { Overlap } from '../domain/rename';
import { describeChain, needsAllRows, splitOf } from '../transforms/run-chain';
import { openArtefacts } from './artefacts';
import { keepingCheckpoint, refuseUnranged } from './backfill';
import type { StreamInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { gapPlan, keepingGaps } from './gap-plan';
import { contractedBy, judgedWith, refuseDrift } from './plan-contract';
import { pinReferences } from './pin-references';
import { openReferences } from './references';
import { planReplay } from './replay/plan';
import { planReadingAgain } from './replay/read-again';
import { overlapOf } from './rename-overlap';
import { refuseStrangers } from './strangers';

/** Claim → source's plan → columns after the steps → target made ready. The first plan wins and pins the run's bounds. */
export const createPlanStream = (dependencies: Dependencies) => async ({ run, stream }: StreamInput): Promise<PlanRef> => {
  const { staging, engine, reached } = dependencies;
  const artefacts = openArtefacts(staging);
  const earlier = await artefacts.plan.find(run, stream);
  if (earlier) return referenceTo(earlier);

  const document = await artefacts.stream(run, stream);
  const { spec, streamSpec, connectionsFile, allowDestructive } = document;
  return withControl(reached, async (control) => {
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      const target = { run, stream: streamSpec };
      const written = spec.streams.find((one) => one.stream === stream)!;
      const claim = await destination.claim({ run, stream: written }, control);
      await refuseStrangers(destination, { run, stream: written }, spec, claim.version);
      control.reached('plan:after-claim');
      const replaying = document.selection && { dependencies, control, run, selection: document.selection, stream: written, claim, destination };
      const again = replaying && needsAllRows(streamSpec.steps) ? await planReadingAgain(replaying) : null;
      const replay = replaying && !again ? await planReplay(replaying) : null;
      const range = again?.range ?? run.backfill;
      const asked = replay ? replay.source : await askSource(dependencies, connectionsFile, spec.source, async (source) => {
        refuseUnranged(range, source, spec.source);
        const found = await source.plan({ stream: streamSpec, position: claim.position, files: claim.files, logicalDate: run.logicalDate, ...(range && { range }) }, control);
        return keepingCheckpoint(range, { ...found, notes: [...again?.notes ?? [], ...found.notes] }, claim);
      });
      const sourcePlan = replay ? asked : document.gaps ? gapPlan(asked, claim.position) : keepingGaps(asked, streamSpec, claim.position);
      await pinReferences({ dependencies, artefacts, control, run, spec, stream: streamSpec, connectionsFile });
      const names = namesOf(sourcePlan.columns, streamSpec.naming, stream);
      const contract = (overlap?: Overlap) => engine.session(control.signal, async (session) => {
        const references = await openReferences({ session, staging, artefacts, run, stream: streamSpec, connectionsFile, resolveSecret: dependencies.resolveSecret });
        return contractedBy({ pipeline: run.pipeline, stream: streamSpec, known: knownTo(replay !== null, claim.position?.contract, renamed(sourcePlan.columns, names)), now: renamed(sourcePlan.columns, names), overlap, describe: (columns) => describeChain(session, columns, streamSpec.steps, references) });
      });
      const openSource = () => dependencies.openSource(connectionsFile, spec.source);
      const contracted = await judgedWith(contract, (drift) => overlapOf({ engine, openSource, destination, target, position: claim.position, columns: sourcePlan.columns, names, control }, drift));
      refuseDrift(contracted, stream);
      const targetColumns = contracted.target;
      if (replay) refuseUnseen(stream, replay.replay, targetColumns);
      const { wholeStream } = splitOf(streamSpec.steps, streamSpec.checks, partitionNames({ ...sourcePlan, names }));
      const plan = {
        ...sourcePlan, ...orderedTarget({ stream: streamSpec, columns: sourcePlan.columns, names, target: targetColumns }, wholeStream), stream, names, ...((replay ?? again) && { replay: (replay ?? again)!.replay }), ...contracted.plan,
        position: range || replay ? sourcePlan.position : { ...sourcePlan.position, contract: contracted.known },
        passes: false, proof: null, stagesLineage: destination.stagesLineage?.(target) === true,
        wholeStream, fence: claim.fence, version: claim.version, firstLoad: claim.position === null,
      };
      if (replay && plan.approval === undefined && (await destination.prepare(target, plan, { dryRun: true, allowDestructive })).creates) throw new ConfigurationError(`replaying stream "${stream}" of run "${run.replay!.of}": "${streamSpec.to}" is there no more, and these rows alone would stand for the whole; run the pipeline, which reads everything again`, { stream });
      // What a person must let pass first changes nothing yet: prepare-target does it after that, and then says what else there is to mend.
      const changes = await destination.prepare(target, plan, { dryRun: plan.approval !== undefined, allowDestructive }).catch((error: unknown) => {
        if (plan.approval === undefined || !EtlError.is(error) || error.disposition !== 'hold') throw error;
      });
      const misfits = (await destination.misfits?.(target, targetColumns)) ?? [];
      const passes = sourcePlan.copyText === true && plan.rules === undefined && isLeftAlone(spec, streamSpec) && (await destination.takesCopyText?.(target, targetColumns)) === true;
      const proof = streamSpec.proof !== 'counts' ? (await destination.provable?.(target, targetColumns, plan.widens)) ?? null : null;
      const recorded = await artefacts.plan.record(withHash({ ...plan, notes: [...plan.notes, ...changes?.notes ?? []], ...(misfits.length > 0 && { misfits }), passes, proof }), run, stream);
      control.reached('plan:after-plan');
      return referenceTo(recorded);
    } finally {
      await destination.close();
    }
  });
};

/** Whether a key is there is asked of the target, which must have it. */
function refuseUnseen(stream: string, { distinct }: ReplayPlan, target: readonly Column[]): void {
  const unseen = distinct?.keys.flatMap(({ columns }) => columns).find((name) => !target.some((column) => column.name === name));
  if (unseen) throw new ConfigurationError(`replaying stream "${stream}": its rows are distinct by "${unseen}", which is not among the columns that are loaded, so it cannot be told whether a row with the same is there; run the pipeline again`, { stream });
}

/** No step, check of rows or other stream needs the rows in a form that DuckDB reads. */
const isLeftAlone = ({ streams }: PipelineSpec, { stream, steps, checks }: StreamSpec): boolean =>
  steps.length === 0 && checks.every(isAtDestination) && !streams.some((other) => referencedStreams(other).includes(stream));

async function askSource<Result>(dependencies: Dependencies, connectionsFile: string, name: string, ask: (source: Awaited<ReturnType<Dependencies['openSource']>>) => Promise<Result>): Promise<Result> {
  const source = await dependencies.openSource(connectionsFile, name);
  try {
    return await ask(source);
  } finally {
    await source.close();
  }
}

export const renamed = (columns: readonly Column[], names: readonly string[]): readonly Column[] =>
  columns.map((column, index) => ({ ...column, name: names[index]! }));

/** Rows that are replayed have the columns that their run had: what came since is none of their differences. */
const knownTo = (replay: boolean, known: Known | undefined, now: readonly Column[]): Known | undefined =>
  (replay && known ? { ...known, columns: known.columns.filter(({ name }) => now.some((column) => column.name === name)) } : known);

const withHash = (plan: Omit<Plan, 'hash'>): Plan => ({ ...plan, hash: createHash('sha256').update(canonicalJson(plan)).digest('hex') });

const referenceTo = (plan: Plan): PlanRef => ({
  hash: plan.hash,
  partitions: plan.partitions.length,
  wholeStream: plan.wholeStream,
  estimatedRows: estimate(plan),
  window: plan.window,
  notes: [...plan.drift ?? []].map(driftText).concat(plan.notes).slice(0, 10),
  ...(plan.approval !== undefined && { approval: plan.approval }),
});

const estimate = ({ partitions }: SourcePlan): number | null =>
  partitions.some(({ estimatedRows }) => estimatedRows === null) ? null : partitions.reduce((sum, { estimatedRows }) => sum + estimatedRows!, 0);
