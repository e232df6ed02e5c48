import { allHandlersFinished, condition, isCancellation, makeContinueAsNewFunc, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { Approval } from '../domain/approval';
import { activityId } from '../domain/ids';
import type { PlanRef } from '../domain/plan';
import { activitiesWith, working } from './activity-options';
import { inList } from './details';
import { told } from './failures';
import { Gate, type Part } from './gate';
import { createLabels } from './labels';
import { streamProgress, type LoadStreamInput, type StreamOutcome, type StreamProgress } from './messages';
import { Partitions } from './partitions';
import { openStreamControls } from './stream-controls';

type Stage = 'plan' | 'extract' | 'contract' | 'transform' | 'load' | 'check' | 'publish' | 'done';

/** One stream of a run: plan → partitions, a window of them at once → gate → publish. */
export async function loadStream(input: LoadStreamInput): Promise<StreamOutcome> {
  const { run, stream } = input;
  const activities = activitiesWith(working(input.heartbeatTimeout as `${number}s`));
  const gate = new Gate(input.paused, input.onFailure, [...(input.carried?.approvals ?? [])]);
  const where = { run, stream };
  const labels = createLabels(input.searchAttributes === true);
  let stage: Stage = 'plan';
  let plan: PlanRef | null = input.carried?.plan ?? null;
  const partitions = new Partitions(input, gate, activities, () => show());
  const { tally } = partitions;

  const progress = (): StreamProgress => ({
    stream, stage,
    state: stateOf(gate),
    partitions: { total: plan?.partitions ?? 0, done: partitions.count(), running: gate.busy, stages: tally.stages },
    window: partitions.window,
    totals: tally.totals,
    estimatedRows: plan?.estimatedRows ?? null,
    message: gate.waiting[0]?.message ?? null,
    waiting: gate.waiting,
    notes: plan?.notes ?? [],
  });
  const show = (): void => {
    const { state, totals, waiting } = progress();
    setCurrentDetails([
      `**${stream}**: ${state.replace('_', ' ')}, ${stage}, ${partitions.count()} of ${plan?.partitions ?? '?'} partitions`,
      `- ${totals.extracted} read, ${totals.transformed} transformed, ${totals.loaded} loaded, **${totals.rejected} rejected**`,
      ...waiting.slice(0, 10).map(({ partition, message }) => `- ${partition === null ? 'waits' : `partition ${partition} waits`}: ${inList(message)}`),
    ].join('\n'));
  };
  setHandler(streamProgress, progress, { description: 'Where this stream is' });
  const controls = openStreamControls({ gate, partitions, plan: () => plan, progress, show });

  const named = (part: Part, verb: string) => ({ activityId: activityId(stream, part, verb), summary: `${verb} ${stream}${part === null ? '' : ` ${part}`}` });
  const enter = (next: Stage): void => {
    stage = next;
    show();
  };
  /** One stage of the whole stream. Partitions that a person takes back in it are moved again first. */
  const inStage = <Result>(verb: Stage, part: Part, work: (approval: Approval | null) => Promise<Result>): Promise<Result> => {
    enter(verb);
    gate.refuseDraining();
    return gate.attempt(part, async (approval) => {
      if (plan && partitions.count() < plan.partitions) await partitions.move(plan);
      return work(approval);
    });
  };

  async function planned(): Promise<PlanRef> {
    if (plan) return plan;
    const { attempt: _attempt, ...ref } = tally.counted(await gate.attempt(null, (approval) => activities.planStream.executeWithOptions(named(null, 'plan'), [{ ...where, ...(approval ? { approval } : {}) }])));
    return ref;
  }

  async function movePartitions(ref: PlanRef): Promise<void> {
    enter('extract');
    if (await partitions.move(ref)) return;
    await condition(allHandlersFinished);
    await controls.settled();
    await makeContinueAsNewFunc<typeof loadStream>()({ ...input, window: partitions.window, paused: gate.paused, carried: partitions.carried(ref) });
  }

  /** Everything is read and staged; the target is as it was until a person lets the changes pass. */
  async function letPass(what: string): Promise<void> {
    enter('contract');
    await gate.approval(null, what);
    await gate.attempt(null, () => activities.prepareTarget.executeWithOptions(named(null, 'prepare'), [where]));
    partitions.approved();
  }

  async function move(): Promise<StreamOutcome> {
    const ref = await planned();
    plan = ref;
    if (ref.approval !== undefined) partitions.stageOnly();
    await movePartitions(ref);
    if (partitions.awaitsApproval) {
      await letPass(ref.approval!);
      await movePartitions(ref);
    }
    if (ref.wholeStream) {
      const batch = tally.counted(await inStage('transform', 'all', () => activities.transformStream.executeWithOptions(named('all', 'transform'), [where])));
      const loaded = tally.counted(await inStage('load', 'all', () => activities.loadBatch.executeWithOptions(named('all', 'load'), [{ ...where, ordinal: 'all' as const }])));
      tally.settle({ rejected: batch.rejected, loaded: loaded.rows });
    }
    const { approval } = tally.counted(await inStage('check', null, () => activities.checkStream.executeWithOptions(named(null, 'check'), [where])));
    if (approval && approval.length > 0) await gate.approval(null, `checking stream "${stream}": ${approval.join('; ')}; look at it, then "millrace approve RUN" publishes it and "millrace reject RUN" does not`);
    tally.counted(await inStage('publish', null, (approval) => activities.publishStream.executeWithOptions(named(null, 'publish'), [{ ...where, ...(approval ? { approval } : {}) }])));
    enter('done');
    return { stream, state: 'published', error: null, totals: tally.totals, approvals: gate.approvals };
  }

  async function outcome(): Promise<StreamOutcome> {
    try {
      return await move();
    } catch (error) {
      if (isCancellation(error) && gate.draining) return { stream, state: 'cancelled', error: null, totals: tally.totals };
      if (isCancellation(error) || (error instanceof Error && error.name === 'ContinueAsNew')) throw error;
      const { message, area } = told(error);
      return { stream, state: 'failed', error: { message, area }, totals: tally.totals };
    }
  }

  const ended = await outcome();
  labels.tell({ state: ended.state === 'published' ? (tally.totals.rejected > 0 ? 'succeeded_with_rejects' : 'succeeded') : ended.state, rows: tally.totals.loaded, rejects: tally.totals.rejected });
  await controls.settled();
  await condition(allHandlersFinished);
  return ended;
}

function stateOf({ paused, busy, waiting }: Gate): StreamProgress['state'] {
  if (paused) return busy > 0 ? 'pausing' : 'paused';
  if (waiting.some(({ state }) => state === 'held')) return 'held';
  return waiting.length > 0 ? 'waiting_approval' : 'running';
}
