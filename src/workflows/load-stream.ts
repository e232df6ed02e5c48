import {
  allHandlersFinished, CancellationScope, condition, isCancellation, makeContinueAsNewFunc, setCurrentDetails, setHandler, workflowInfo,
} from '@temporalio/workflow';
import { activityId } from '../domain/ids';
import type { PlanRef } from '../domain/plan';
import { activitiesWith, working } from './activity-options';
import { told } from './failures';
import { Gate } from './gate';
import { streamProgress, type LoadStreamInput, type Range, type StreamOutcome, type StreamProgress, type StreamTotals } from './messages';
import { contains, countOf, withOrdinal } from './ranges';

type Stage = 'plan' | 'extract' | 'transform' | 'load' | 'check' | 'publish' | 'done';

/** One stream of a run: plan → partitions, a window of them at once → gate → publish. */
export async function loadStream(input: LoadStreamInput): Promise<StreamOutcome> {
  const { run, stream } = input;
  const activities = activitiesWith(working(input.heartbeatTimeout as `${number}s`));
  const gate = new Gate(input.paused, input.onFailure);
  const where = { run, stream };
  let stage: Stage = 'plan';
  let plan: PlanRef | null = input.carried?.plan ?? null;
  let done: readonly Range[] = input.carried?.done ?? [];
  let totals: StreamTotals = input.carried?.totals ?? { extracted: 0, transformed: 0, loaded: 0, rejected: 0 };

  setHandler(streamProgress, (): StreamProgress => ({
    stream,
    state: gate.held ? 'held' : gate.paused ? (gate.busy > 0 ? 'pausing' : 'paused') : 'running',
    stage,
    partitions: { total: plan?.partitions ?? 0, done: countOf(done), running: gate.busy },
    totals,
    estimatedRows: plan?.estimatedRows ?? null,
    message: gate.held,
    notes: plan?.notes ?? [],
  }), { description: 'Where this stream is' });

  const named = (part: number | 'all' | null, verb: string) => ({ activityId: activityId(stream, part, verb), summary: `${verb} ${stream}${part === null ? '' : ` ${part}`}` });

  /** extract → transform → load of one partition; each finds its own earlier work and moves on. */
  async function movePartition(ordinal: number, whole: boolean): Promise<void> {
    const part = { ...where, ordinal };
    await activities.extractPartition.executeWithOptions(named(ordinal, 'extract'), [part]);
    const batch = await activities.transformBatch.executeWithOptions(named(ordinal, 'transform'), [part]);
    const loaded = whole ? { rows: 0 } : await activities.loadBatch.executeWithOptions(named(ordinal, 'load'), [part]);
    totals = {
      extracted: totals.extracted + batch.read,
      transformed: totals.transformed + batch.rows,
      loaded: totals.loaded + loaded.rows,
      rejected: totals.rejected + batch.rejected,
    };
  }

  const shouldContinueAsNew = () => workflowInfo().continueAsNewSuggested;

  /** Keeps a window of partitions moving; false: stopped early, to continue as new. */
  async function movePartitions(ref: PlanRef): Promise<boolean> {
    let next = 0;
    let moving = 0;
    let failure: unknown;
    const launch = (ordinal: number): void => {
      moving += 1;
      gate.attempt(() => movePartition(ordinal, ref.wholeStream))
        .then(() => { done = withOrdinal(done, ordinal); })
        .catch((error: unknown) => { failure ??= error; })
        .finally(() => { moving -= 1; });
    };
    const skipDone = () => { while (next < ref.partitions && contains(done, next)) next += 1; };
    const mayLaunch = () => failure === undefined && !shouldContinueAsNew() && next < ref.partitions && moving - gate.holding < input.window && !gate.paused;
    for (skipDone(); next < ref.partitions || moving > 0; skipDone()) {
      while (mayLaunch()) {
        launch(next);
        next += 1;
        skipDone();
      }
      setCurrentDetails(`**${stream}**: ${countOf(done)} of ${ref.partitions} partitions, ${totals.extracted} rows read, ${totals.loaded} loaded, ${totals.rejected} rejected`);
      if ((failure !== undefined || shouldContinueAsNew()) && moving === 0) break;
      const before = moving;
      const progress = () => moving < before || mayLaunch();
      // A whole-workflow cancel rejects condition(); what runs is cancelled with it and must be awaited before leaving.
      try {
        await condition(progress);
      } catch (error) {
        failure ??= error;
        await CancellationScope.nonCancellable(() => condition(() => moving === 0));
      }
    }
    if (failure !== undefined) throw failure;
    return countOf(done) === ref.partitions;
  }

  async function move(): Promise<StreamOutcome> {
    const ref = plan ?? await gate.attempt(() => activities.planStream.executeWithOptions(named(null, 'plan'), [where]));
    plan = ref;
    stage = 'extract';
    if (!(await movePartitions(ref))) {
      await condition(allHandlersFinished);
      await makeContinueAsNewFunc<typeof loadStream>()({ ...input, paused: gate.paused, carried: { plan: ref, done, totals } });
    }
    if (ref.wholeStream) {
      stage = 'transform';
      const batch = await gate.attempt(() => activities.transformStream.executeWithOptions(named('all', 'transform'), [where]));
      totals = { ...totals, rejected: totals.rejected + batch.rejected };
      stage = 'load';
      const loaded = await gate.attempt(() => activities.loadBatch.executeWithOptions(named('all', 'load'), [{ ...where, ordinal: 'all' as const }]));
      totals = { ...totals, loaded: loaded.rows };
    }
    stage = 'check';
    await gate.attempt(() => activities.checkStream.executeWithOptions(named(null, 'check'), [where]));
    stage = 'publish';
    await gate.attempt(() => activities.publishStream.executeWithOptions(named(null, 'publish'), [where]));
    stage = 'done';
    return { stream, state: 'published', error: null };
  }

  try {
    return await move();
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof Error && error.name === 'ContinueAsNew') throw error;
    const { message, area } = told(error);
    return { stream, state: 'failed', error: { message, area } };
  }
}
