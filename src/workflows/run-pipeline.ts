import { allHandlersFinished, ApplicationFailure, CancellationScope, CancelledFailure, condition, continueAsNew, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { pipelineBusyType, runFailedType } from '../domain/failure';
import type { RunSummary } from '../domain/receipt';
import { activitiesWith, brief } from './activity-options';
import { backOff } from './backoff';
import { keepLock } from './keep-lock';
import { logicalDateOf } from './logical-date';
import type { RunPipelineInput } from './messages';
import { busy, lockPipeline, type PipelineLock } from './pipeline-lock';
import { Run } from './run';
import { endAsCancelled, openRunControls } from './run-controls';

/** A run: lock → start → one child per stream → finish. Ends Completed with its summary, Failed or Cancelled with the summary in the details or memo. */
export async function runPipeline(given: RunPipelineInput): Promise<RunSummary> {
  const { spec } = given;
  const logicalDate = logicalDateOf(given);
  const input = { ...given, logicalDate };
  const run = new Run(input);
  openRunControls(run, input.asked);
  const lock = await acquire(input, run);
  try {
    const started = await run.start(() => activitiesWith(brief).startRun.executeWithOptions({ activityId: 'start', summary: `start ${spec.pipeline}` }, [{
      spec, workflowId: workflowInfo().workflowId, executionId: workflowInfo().firstExecutionRunId, startedAt: workflowInfo().startTime.toISOString(),
      logicalDate, ...(input.backfill && { backfill: input.backfill }), connectionsFile: input.connectionsFile, allowDestructive: input.allowDestructive, ...(input.gaps && { gaps: true }), ...(input.replay && { replay: input.replay }),
    }]));
    keepLock(lock, run);
    const cancelled = await run.streams.move(started, () => !lock.lost());
    const summary = await CancellationScope.nonCancellable(async () => {
      const finished = await run.finish(started, cancelled);
      await condition(allHandlersFinished);
      return finished;
    });
    return await conclude(summary, cancelled);
  } finally {
    await lock.release();
  }
}

/** Waits in line where asked, backing off from 5 seconds to 5 minutes. The only case in which a run continues as new. */
async function acquire(input: RunPipelineInput, run: Run): Promise<PipelineLock> {
  for (let times = input.queuedTimes ?? 0; ; times += 1) {
    const lock = await lockPipeline(input.spec.pipeline);
    if (lock) return lock;
    if (input.whenHeld === 'refuse') throw busy(input.spec.pipeline, pipelineBusyType);
    run.enter('queued', `another run of "${input.spec.pipeline}" is going on; this one starts when it has ended`);
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof runPipeline>({ ...input, queuedTimes: times, asked: run.asked });
    }
    await backOff(times, 'waiting for the run that is going on');
  }
}

/** How Temporal shows the end: a cancelled run as Cancelled, one without success as Failed; both carry the summary. */
async function conclude(summary: RunSummary, cancelled: boolean): Promise<RunSummary> {
  if (cancelled) {
    // The server keeps no details of a cancelled workflow, so the summary goes into its memo (docs/decisions).
    upsertMemo({ summary });
    if (!CancellationScope.current().consideredCancelled) await endAsCancelled();
    throw new CancelledFailure(`run "${summary.run.workflowId}" was cancelled; the destination is as the last commit made it`, [summary]);
  }
  if (summary.state === 'failed') {
    const reasons = summary.streams.flatMap(({ stream, error }) => (error ? [`${stream}: ${error.message}`] : []));
    throw ApplicationFailure.nonRetryable(reasons.join('\n') || 'the run failed', runFailedType, summary);
  }
  return summary;
}
