import {
  ApplicationFailure, CancellationScope, condition, getExternalWorkflowHandle, isCancellation, ParentClosePolicy, startChild, workflowInfo, type ChildWorkflowHandle, type ExternalWorkflowHandle,
} from '@temporalio/workflow';
import type { StartRunOutput } from '../activities/contract';
import { slug } from '../domain/ids';
import { referencedStreams } from '../domain/pipeline';
import type { RunState } from '../domain/receipt';
import { told } from './failures';
import { labelsOf } from './labels';
import { loadStream } from './load-stream';
import { cancel, pause, resume, setWindow, type RunPipelineInput, type RunProgress, type StreamOutcome, type StreamReport } from './messages';

/** By its id alone: a child's own handle refuses what comes from a run that was reset in Temporal, since another execution of it started the child. */
export type StreamHandle = Pick<ExternalWorkflowHandle, 'signal'>;
const reachable = ({ workflowId }: ChildWorkflowHandle<typeof loadStream>): StreamHandle => getExternalWorkflowHandle(workflowId);

/** The streams of a run: one child workflow each, in the order their references demand, several at once. */
export class Streams {
  readonly outcomes = new Map<string, StreamOutcome>();
  private readonly children = new Map<string, ChildWorkflowHandle<typeof loadStream>>();
  private readonly reports = new Map<string, StreamReport>();
  private readonly answers = new Map<string, string | null>();
  private orders = 0;
  /** Set by a person's cancel, or by a request of Temporal's. */
  cancelling = false;
  paused = false;

  constructor(private readonly input: RunPipelineInput, public concurrency: number) {}

  /** Hears a stream out: what it waits for, and its answers to orders. */
  hear(report: StreamReport): void {
    this.reports.set(report.stream, report);
    for (const { order, refusal } of report.answers) this.answers.set(`${report.stream} ${order}`, refusal);
  }

  /** Streams at work, all or the one named. */
  going(stream?: string): readonly string[] {
    return [...this.children.keys()].filter((name) => stream === undefined || name === stream);
  }

  goingIds(): readonly string[] {
    return this.going().map((stream) => this.childId(stream));
  }

  waiting(stream: string): StreamReport['waiting'] {
    return this.children.has(stream) ? (this.reports.get(stream)?.waiting ?? []) : [];
  }

  states(): RunProgress['streams'] {
    return this.input.spec.streams.map(({ stream, to }) => {
      const outcome = this.outcomes.get(stream);
      const report = this.children.has(stream) ? this.reports.get(stream) : undefined;
      return {
        stream, to,
        workflowId: this.childId(stream),
        state: outcome ? stateOf(outcome) : report?.state ?? (this.children.has(stream) ? 'running' : 'queued'),
        message: outcome?.error?.message ?? report?.message ?? null,
        waiting: report?.waiting ?? [],
      };
    });
  }

  /** Passes an order on and waits until each stream has answered or ended. Throws what a stream refused. */
  async order(streams: readonly string[], send: (child: StreamHandle, order: number) => Promise<void>): Promise<void> {
    const order = await this.tell(streams, send);
    await condition(() => streams.every((stream) => this.answers.has(`${stream} ${order}`) || !this.children.has(stream)));
    const refusals = streams.flatMap((stream) => {
      const answer = this.answers.get(`${stream} ${order}`);
      this.answers.delete(`${stream} ${order}`);
      return answer ? [answer] : [];
    });
    if (refusals.length > 0) throw ApplicationFailure.nonRetryable(refusals.join('; '), 'Refused');
  }

  /** Passes an order on. A stream that has just ended refuses the signal, which is right. */
  async tell(streams: readonly string[], send: (child: StreamHandle, order: number) => Promise<void>): Promise<number> {
    this.orders += 1;
    const order = this.orders;
    await Promise.all(streams.map(async (stream) => {
      const child = this.children.get(stream);
      if (child) await send(reachable(child), order).catch(() => undefined);
    }));
    return order;
  }

  /** Partitions in flight of one stream; the streams of a run share its concurrency. */
  get window(): number {
    return Math.max(1, Math.floor(this.concurrency / this.atOnce));
  }

  private get atOnce(): number {
    return Math.min(this.concurrency, this.input.spec.streams.length);
  }

  /** Runs the streams to their ends. `mayStart`: whether new ones may begin now. True: the run was cancelled. */
  async move(started: StartRunOutput, mayStart: () => boolean): Promise<boolean> {
    const waiting = new Set(this.input.spec.streams.map(({ stream }) => stream));
    const running = new Set<string>();
    const startable = (): readonly string[] => (this.cancelling || !mayStart() ? [] : [...waiting].filter((stream) => this.ready(stream)));
    try {
      while (waiting.size > 0 || running.size > 0) {
        for (const stream of startable()) {
          if (running.size >= this.atOnce) break;
          waiting.delete(stream);
          if (this.refuse(stream)) continue;
          running.add(stream);
          void this.moveStream(stream, started).then((outcome) => this.outcomes.set(stream, outcome)).finally(() => running.delete(stream));
        }
        if (running.size === 0 && this.cancelling) break;
        const before = this.outcomes.size;
        if (waiting.size > 0 || running.size > 0) await condition(() => this.outcomes.size > before || this.cancelling && running.size === 0 || running.size < this.atOnce && startable().length > 0);
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
      this.cancelling = true;
    }
    await CancellationScope.nonCancellable(() => condition(() => running.size === 0));
    for (const stream of waiting) this.outcomes.set(stream, { stream, state: 'cancelled', error: null });
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

  private childId(stream: string): string {
    return `${workflowInfo().workflowId}/${slug(stream)}`;
  }

  private async moveStream(stream: string, { run, queue, heartbeatTimeout }: StartRunOutput): Promise<StreamOutcome> {
    const { spec, searchAttributes } = this.input;
    const { window, paused } = this;
    try {
      const child = await startChild(loadStream, {
        workflowId: this.childId(stream),
        taskQueue: queue,
        // Whoever ends a run for good must not see its streams publish afterwards. A run that fails or is cancelled waits for them itself.
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        staticSummary: `load ${stream}`,
        ...(searchAttributes && { typedSearchAttributes: [...labelsOf({ pipeline: spec.pipeline, stream, state: 'running', logicalDate: run.logicalDate })] }),
        args: [{ run, stream, window, onFailure: spec.onFailure, heartbeatTimeout, paused, ...(searchAttributes && { searchAttributes }) }],
      });
      this.children.set(stream, child);
      await this.catchUp(reachable(child), window, paused);
      return await child.result();
    } catch (error) {
      if (this.cancelling || isCancellation(error)) return { stream, state: 'cancelled', error: null };
      const { message, area } = told(error);
      return { stream, state: 'failed', error: { message, area } };
    } finally {
      this.children.delete(stream);
      this.reports.delete(stream);
    }
  }

  /** Orders that came while the stream was being started. */
  private async catchUp(child: StreamHandle, window: number, paused: boolean): Promise<void> {
    if (this.paused && !paused) await child.signal(pause);
    if (!this.paused && paused) await child.signal(resume);
    if (this.window !== window) await child.signal(setWindow, { window: this.window });
    if (this.cancelling) await child.signal(cancel);
  }
}

const stateOf = ({ state, totals }: StreamOutcome): RunState =>
  (state !== 'published' ? state : (totals?.rejected ?? 0) > 0 ? 'succeeded_with_rejects' : 'succeeded');
