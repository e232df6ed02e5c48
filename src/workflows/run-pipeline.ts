import {
  ApplicationFailure, CancellationScope, CancelledFailure, condition, continueAsNew, executeChild, isCancellation, ParentClosePolicy, setCurrentDetails,
  setHandler, sleep, startChild, workflowInfo, type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { StartRunOutput } from '../activities/contract';
import { pipelineBusyType, runFailedType } from '../domain/failure';
import { slug } from '../domain/ids';
import { referencedStreams } from '../domain/pipeline';
import type { RunState, RunSummary } from '../domain/receipt';
import { activitiesWith, brief, working } from './activity-options';
import { told } from './failures';
import { loadStream } from './load-stream';
import { logicalDateOf } from './logical-date';
import { cancel, pause, progress, resume, type RunPipelineInput, type RunProgress, type StreamOutcome } from './messages';
import { requestCancel } from './request-cancel';
import { busy, lockPipeline, type PipelineLock } from './pipeline-lock';

/** A run: lock → start → one child per stream → finish. Ends Completed with its summary, Failed or Cancelled with the summary in the details. */
export async function runPipeline(given: RunPipelineInput): Promise<RunSummary> {
  const { spec } = given;
  const logicalDate = logicalDateOf(given);
  const input = { ...given, logicalDate };
  const run = new Run(input);
  const lock = await acquire(input, run);
  try {
    run.state = 'running';
    run.started = await activitiesWith(brief).startRun.executeWithOptions({ activityId: 'start', summary: `start ${spec.pipeline}` }, [{
      spec, workflowId: workflowInfo().workflowId, executionId: workflowInfo().firstExecutionRunId, startedAt: workflowInfo().startTime.toISOString(),
      logicalDate, ...(input.backfill && { backfill: input.backfill }), connectionsFile: input.connectionsFile, allowDestructive: input.allowDestructive,
    }]);
    const cancelled = await run.moveStreams(lock);
    const summary = await CancellationScope.nonCancellable(() => run.finish(cancelled));
    return conclude(summary, cancelled);
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
    run.state = 'queued';
    run.message = `another run of "${input.spec.pipeline}" is going on; this one starts when it has ended`;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof runPipeline>({ ...input, queuedTimes: times });
    await sleep(Math.min(5000 * 2 ** times, 300_000));
    run.message = null;
  }
}

/** How Temporal shows the end: a cancelled run as Cancelled, one without success as Failed; both carry the summary. */
function conclude(summary: RunSummary, cancelled: boolean): RunSummary {
  if (cancelled) throw new CancelledFailure(`run "${summary.run.workflowId}" was cancelled; the destination is as the last commit made it`, [summary]);
  if (summary.state === 'failed') {
    const reasons = summary.streams.flatMap(({ stream, error }) => (error ? [`${stream}: ${error.message}`] : []));
    throw ApplicationFailure.nonRetryable(reasons.join('\n') || 'the run failed', runFailedType, summary);
  }
  return summary;
}

class Run {
  state: RunState = 'queued';
  message: string | null = null;
  started: StartRunOutput | null = null;
  private paused = false;
  private cancelling = false;
  private readonly children = new Map<string, ChildWorkflowHandle<typeof loadStream>>();
  private readonly outcomes = new Map<string, StreamOutcome>();

  constructor(private readonly input: RunPipelineInput) {
    setHandler(progress, () => this.progress(), { description: 'State of the run and of its streams' });
    setHandler(pause, () => this.forward(pause.name, true), { description: 'Stop at the next safe place; nothing is lost' });
    setHandler(resume, () => this.forward(resume.name, false), { description: 'Go on; also tries again what is held' });
    setHandler(cancel, async () => {
      this.cancelling = true;
      await CancellationScope.nonCancellable(() => executeChild(requestCancel, { workflowId: `${workflowInfo().workflowId}/cancel` }));
    }, { description: 'End the run; the destination stays as the last commit made it' });
  }

  private async forward(signal: 'pause' | 'resume', paused: boolean): Promise<void> {
    this.paused = paused;
    // A stream that has just ended refuses the signal, which is right.
    await Promise.all([...this.children.values()].map((child) => child.signal(signal).catch(() => undefined)));
  }

  private progress(): RunProgress {
    return {
      state: this.paused && this.state === 'running' ? 'paused' : this.state,
      run: this.started?.run ?? null,
      streams: this.input.spec.streams.map(({ stream, to }) => {
        const outcome = this.outcomes.get(stream);
        return {
          stream, to,
          workflowId: this.childId(stream),
          state: outcome ? stateOf(outcome) : this.children.has(stream) ? 'running' : 'queued',
          message: outcome?.error?.message ?? null,
        };
      }),
      message: this.message,
    };
  }

  private childId(stream: string): string {
    return `${workflowInfo().workflowId}/${slug(stream)}`;
  }

  /** Runs the streams in the order their references demand, several at once. True: the run was cancelled. */
  async moveStreams(lock: PipelineLock): Promise<boolean> {
    const waiting = new Set(this.input.spec.streams.map(({ stream }) => stream));
    const running = new Set<string>();
    const { concurrency } = this.input.spec.limits;
    const atOnce = Math.min(concurrency, waiting.size);
    const window = Math.max(1, Math.floor(concurrency / atOnce));
    try {
      await CancellationScope.cancellable(async () => {
        while (waiting.size > 0 || running.size > 0) {
          for (const stream of [...waiting]) {
            if (running.size >= atOnce || lock.lost() || !this.ready(stream)) continue;
            waiting.delete(stream);
            if (this.refuse(stream)) continue;
            running.add(stream);
            void this.moveStream(stream, window).then((outcome) => this.outcomes.set(stream, outcome)).finally(() => running.delete(stream));
          }
          const before = this.outcomes.size;
          if (lock.lost() && running.size === 0) break;
          if (waiting.size > 0 || running.size > 0) await condition(() => this.outcomes.size > before || running.size === 0);
        }
      });
    } catch (error) {
      if (!isCancellation(error)) throw error;
      this.cancelling = true;
    }
    await CancellationScope.nonCancellable(() => condition(() => running.size === 0));
    for (const stream of waiting) this.outcomes.set(stream, unstarted(stream, this.cancelling));
    return this.cancelling;
  }

  private ready(stream: string): boolean {
    return this.referencesOf(stream).every((other) => this.outcomes.has(other));
  }

  /** A stream whose reference failed is not started: it would read what is not there. */
  private refuse(stream: string): boolean {
    const missing = this.referencesOf(stream).find((other) => this.outcomes.get(other)?.state !== 'published');
    if (missing === undefined) return false;
    this.outcomes.set(stream, { stream, state: 'failed', error: { message: `stream "${stream}" was not started: "${missing}", which it reads, failed`, area: 'internal' } });
    return true;
  }

  private referencesOf(stream: string): readonly string[] {
    const found = this.input.spec.streams.find((spec) => spec.stream === stream);
    return found ? referencedStreams(found) : [];
  }

  private async moveStream(stream: string, window: number): Promise<StreamOutcome> {
    const { run, queue, heartbeatTimeout } = this.started!;
    try {
      const child = await startChild(loadStream, {
        workflowId: this.childId(stream),
        taskQueue: queue,
        // Whoever ends a run for good must not see its streams publish afterwards. A run that fails or is cancelled waits for them itself.
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        staticSummary: `load ${stream}`,
        args: [{ run, stream, window, onFailure: this.input.spec.onFailure, heartbeatTimeout, paused: this.paused }],
      });
      this.children.set(stream, child);
      if (this.paused) await child.signal(pause);
      return await child.result();
    } catch (error) {
      if (this.cancelling || isCancellation(error)) return { stream, state: 'cancelled', error: null };
      const { message, area } = told(error);
      return { stream, state: 'failed', error: { message, area } };
    } finally {
      this.children.delete(stream);
      setCurrentDetails(this.details());
    }
  }

  private details(): string {
    return [...this.outcomes.values()].map(({ stream, state, error }) => `- **${stream}**: ${state}${error ? ` (${error.message})` : ''}`).join('\n');
  }

  async finish(cancelled: boolean): Promise<RunSummary> {
    const { run, heartbeatTimeout } = this.started!;
    const outcomes = this.input.spec.streams.map(({ stream }) => this.outcomes.get(stream) ?? unstarted(stream, cancelled));
    const summary = await activitiesWith({ ...working(heartbeatTimeout as `${number}s`), taskQueue: this.started!.queue })
      .finishRun.executeWithOptions({ activityId: 'finish', summary: `finish ${run.pipeline}` }, [{ run, cancelled, outcomes }]);
    this.state = summary.state;
    return summary;
  }
}

const unstarted = (stream: string, cancelled: boolean): StreamOutcome =>
  cancelled ? { stream, state: 'cancelled', error: null } : { stream, state: 'failed', error: { message: 'the run was stopped before this stream started: its lock was ended from outside', area: 'internal' } };

const stateOf = (outcome: StreamOutcome): RunState => (outcome.state === 'published' ? 'succeeded' : outcome.state);

