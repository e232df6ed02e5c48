import { setCurrentDetails, upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { StartRunOutput } from '../activities/contract';
import type { RunState, RunSummary } from '../domain/receipt';
import { activitiesWith, working } from './activity-options';
import { inList } from './details';
import { createLabels } from './labels';
import type { RunPipelineInput, RunProgress } from './messages';
import { Streams } from './streams';

/** What is known of a run while it goes on, and how it is shown. */
export class Run {
  state: RunState = 'queued';
  /** Why it is queued, or holds as a whole. */
  message: string | null = null;
  started: StartRunOutput | null = null;
  pausedBy: { readonly by: string | null; readonly reason: string | null; readonly until: string | null; /** Given as the end of the pause, and no instant. */ readonly unclear?: string } | null = null;
  rollback = false;
  readonly streams: Streams;
  private readonly labels;

  constructor(private readonly input: RunPipelineInput & { readonly logicalDate: string }) {
    this.streams = new Streams(input, input.spec.limits.concurrency);
    this.labels = createLabels(input.searchAttributes === true);
  }

  /** What a person has asked for, to be carried on where a run in line continues as new. */
  get asked(): NonNullable<RunPipelineInput['asked']> {
    const { by, reason, until } = this.pausedBy ?? {};
    return { pause: this.pausedBy && { ...(by != null && { by }), ...(reason != null && { reason }), ...(until != null && { until }) }, concurrency: this.streams.concurrency };
  }

  progress(): RunProgress {
    const streams = this.streams.states();
    return {
      state: this.stateNow(streams),
      run: this.started?.run ?? null,
      streams,
      message: this.message ?? this.pauseText(),
      concurrency: this.streams.concurrency,
      queue: this.started?.queue ?? null,
      worker: this.started?.worker ?? null,
    };
  }

  writeOf(stream: string): string | undefined {
    return this.input.spec.streams.find((spec) => spec.stream === stream)?.write;
  }

  enter(state: RunState, message: string | null = null): void {
    this.state = state;
    this.message = message;
    this.show();
  }

  /** Current details and search attributes, for Temporal's Web UI. */
  show(): void {
    const { state, streams, message } = this.progress();
    setCurrentDetails([
      `**${this.input.spec.pipeline}**: ${spoken(state)}${message ? `: ${message}` : ''}`,
      ...streams.map((stream) => `- **${stream.stream}**: ${spoken(stream.state)}${this.balanceOf(stream.stream)}${stream.message ? `: ${inList(stream.message)}` : ''}`),
    ].join('\n'));
    this.labels.tell({ pipeline: this.input.spec.pipeline, logicalDate: this.input.logicalDate, state });
  }

  async start(begin: () => Promise<StartRunOutput>): Promise<StartRunOutput> {
    this.started = await begin();
    // Readable when no worker answers queries: what is missing then is a worker on that queue.
    upsertMemo({ queue: this.started.queue, ...(this.started.worker && { worker: this.started.worker }) });
    this.enter('running');
    return this.started;
  }

  /** The receipt; and what a cancel was told to take back. */
  async finish(started: StartRunOutput, cancelled: boolean): Promise<RunSummary> {
    const { spec } = this.input;
    const activities = activitiesWith({ ...working(started.heartbeatTimeout as `${number}s`), taskQueue: started.queue });
    const kept = cancelled && this.rollback ? (await activities.rollbackRun.executeWithOptions({ activityId: 'rollback', summary: `rollback ${spec.pipeline}` }, [{ run: started.run }])).kept : {};
    const outcomes = spec.streams.map(({ stream }) => ({ ...(this.streams.outcomes.get(stream) ?? { stream, state: 'cancelled' as const, error: null }), ...(kept[stream] === undefined ? {} : { note: kept[stream] }) }));
    const summary = await activities.finishRun.executeWithOptions({ activityId: 'finish', summary: `finish ${spec.pipeline}` }, [{ run: started.run, cancelled, outcomes }]);
    this.message = null;
    this.pausedBy = null;
    this.enter(summary.state);
    this.labels.tell({ rows: summary.totals.loaded, rejects: summary.totals.rejected });
    return summary;
  }

  private stateNow(streams: RunProgress['streams']): RunState {
    if (this.state !== 'running') return this.state;
    const going = streams.filter(({ stream }) => this.streams.going(stream).length > 0);
    if (this.pausedBy) return going.every(({ state }) => state === 'paused') ? 'paused' : 'pausing';
    return (['held', 'waiting_approval', 'pausing', 'paused'] as const).find((state) => going.some((stream) => stream.state === state) && (state !== 'paused' || going.every((stream) => stream.state === 'paused'))) ?? 'running';
  }

  private pauseText(): string | null {
    if (!this.pausedBy) return null;
    const { by, reason, until, unclear } = this.pausedBy;
    const end = until ? ` until ${until}` : unclear === undefined ? '' : ` until a person resumes it ("${unclear}" is no instant such as 2026-08-03T08:00:00Z)`;
    return `paused${by ? ` by ${by}` : ''}${reason ? ` (${reason})` : ''}${end}; "millrace resume ${workflowInfo().workflowId}" goes on`;
  }

  private balanceOf(stream: string): string {
    const totals = this.streams.outcomes.get(stream)?.totals;
    return totals ? `, ${totals.extracted} read, ${totals.loaded} loaded, ${totals.rejected} rejected` : '';
  }
}

const spoken = (state: RunState): string => state.replace(/_/g, ' ');
