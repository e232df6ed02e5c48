import { executeChild, CancellationScope, isCancellation, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import { asRequest, textOf } from './by-hand';
import {
  approve, approvePiece, cancel, pause, progress, reject, rejectPiece, resume, retryPartition, retryPiece, setConcurrency, setWindow, skipPartition, skipPiece, streamReport,
  type ApprovalRequest, type CancelRequest, type PauseRequest, type RetryRequest, type RunPipelineInput, type RunProgress, type SetConcurrencyRequest, type SkipRequest, type StreamReport,
} from './messages';
import { PauseTimer } from './pause-timer';
import { requestCancel } from './request-cancel';
import type { Run } from './run';

/** What a person can do to a run; what concerns a stream is passed on to it. Validators run before anything is recorded, so a refusal leaves no trace. */
export function openRunControls(run: Run, asked: RunPipelineInput['asked']): void {
  const { streams } = run;
  const timer = new PauseTimer();
  const stop = ({ until, by, reason }: PauseRequest): void => {
    timer.set(until, () => void carryOnAll());
    run.pausedBy = { by: textOf(by), reason: textOf(reason), until: timer.until, ...(until !== undefined && timer.until === null && { unclear: String(until).slice(0, 40) }) };
    streams.paused = true;
  };
  const carryOnAll = async (): Promise<void> => {
    timer.clear();
    run.pausedBy = null;
    streams.paused = false;
    await streams.tell(streams.going(), (child, order) => child.signal(resume, { order }));
    run.show();
  };

  streams.concurrency = asked?.concurrency ?? streams.concurrency;
  if (asked?.pause) stop(asked.pause);
  setHandler(progress, () => run.progress(), { description: 'State of the run and of its streams' });
  setHandler(streamReport, (report) => {
    if (isReport(report)) streams.hear(report);
    run.show();
  }, { description: 'From a stream of this run' });
  setHandler(pause, async (request) => {
    stop(asRequest<PauseRequest>(request));
    await streams.tell(streams.going(), (child, order) => child.signal(pause, { order }));
    run.show();
  }, { description: 'Stop at the next safe place; nothing is lost: {"until": "2026-08-03T08:00:00Z", "reason": "…"}, both optional' });
  setHandler(resume, carryOnAll, { description: 'Go on; also tries again what is held' });
  setHandler(cancel, async (request) => {
    const { now, rollback } = asRequest<CancelRequest>(request);
    run.rollback ||= rollback === true;
    streams.cancelling = true;
    // Before the streams have started nothing is in hand.
    if (now || run.started === null) await endAsCancelled(streams.goingIds());
    else await streams.tell(streams.going(), (child, order) => child.signal(cancel, { order }));
    if (!now) endAfterDrain(run);
    run.show();
  }, { description: 'End the run after what is in hand; the destination stays as the last commit made it: {"now": true, "rollback": true}, both optional' });

  setHandler(setConcurrency, async ({ concurrency }) => {
    streams.concurrency = concurrency;
    await streams.order(streams.going(), (child, order) => child.signal(setWindow, { order, window: streams.window }));
    return run.progress();
  }, { description: 'Partitions in flight, all streams together: {"concurrency": 8}', validator: (request) => validConcurrency(asRequest<SetConcurrencyRequest>(request).concurrency) });
  setHandler(retryPartition, async (given = {}) => {
    const request = asRequest<RetryRequest>(given);
    await streams.order(heldOf(run, request), (child, order) => child.signal(retryPiece, { ...request, ...partOf(request), order }));
    return run.progress();
  }, { description: 'Try again what is held: {"stream": "orders", "partition": 7, "reread": true}, all optional', validator: (request = {}) => validRetry(run, asRequest<RetryRequest>(request)) });
  setHandler(skipPartition, async (request) => {
    await streams.order([request.stream], (child, order) => child.signal(skipPiece, { ...request, partition: Number(request.partition), order }));
    return run.progress();
  }, { description: 'Leave a partition out, as a recorded gap: {"stream": "orders", "partition": 7, "reason": "…"}', validator: (request) => validSkip(run, asRequest<SkipRequest>(request)) });
  setHandler(approve, async (given = {}) => {
    const request = asRequest<ApprovalRequest>(given);
    await streams.order(waitingFor(run, request), (child, order) => child.signal(approvePiece, { ...request, order }));
    return run.progress();
  }, { description: 'Publish what waits for an approval: {"stream": "orders", "by": "…"}, both optional', validator: (request = {}) => validApproval(run, asRequest<ApprovalRequest>(request)) });
  setHandler(reject, async (given = {}) => {
    const request = asRequest<ApprovalRequest>(given);
    await streams.order(waitingFor(run, request), (child, order) => child.signal(rejectPiece, { ...request, order }));
    return run.progress();
  }, { description: 'Fail what waits for an approval: {"stream": "orders", "reason": "…"}, both optional', validator: (request = {}) => validApproval(run, asRequest<ApprovalRequest>(request)) });
}

/** Only streams send it; but it can be typed by hand too. */
const isReport = (report: unknown): report is StreamReport => {
  const { stream, waiting, answers } = asRequest<StreamReport>(report);
  return typeof stream === 'string' && Array.isArray(waiting) && Array.isArray(answers);
};

/** What is in hand gets this long after a cancel; work that fails and is tried again would else never end. */
const drainLimit = '30s';

function endAfterDrain({ streams }: Run): void {
  const end = async (): Promise<void> => {
    await sleep(drainLimit, { summary: 'what is in hand may end until then' });
    await endAsCancelled(streams.goingIds());
  };
  new CancellationScope().run(end).catch((error: unknown) => { if (!isCancellation(error)) throw error; });
}

/** Only a workflow whose cancellation was requested can end as Cancelled. */
export const endAsCancelled = (streams: readonly string[] = []): Promise<void> =>
  CancellationScope.nonCancellable(() => executeChild(requestCancel, { workflowId: `${workflowInfo().workflowId}/cancel`, args: [streams] }));

export const mostConcurrency = 256;

function validConcurrency(concurrency: unknown): void {
  if (!Number.isInteger(concurrency) || Number(concurrency) < 1 || Number(concurrency) > mostConcurrency) throw new Error(`setting concurrency to ${JSON.stringify(concurrency)}: it must be a whole number from 1 to ${mostConcurrency}, such as {"concurrency": 8}`);
}

function goingStream(run: Run, stream: unknown, doing: string): void {
  const known = run.progress().streams;
  const found = known.find((one) => one.stream === stream);
  if (!found) throw new Error(`${doing} of stream ${JSON.stringify(stream)}: the run has no such stream; its streams are ${known.map((one) => one.stream).join(', ')}`);
  if (run.streams.going(found.stream).length === 0) throw new Error(`${doing} of stream "${found.stream}": it is ${found.state.replace(/_/g, ' ')}; ${whyText()}`);
}

function validPartition(partition: unknown, doing: string): void {
  if (!/^\d+$/.test(String(partition))) throw new Error(`${doing}: partition ${JSON.stringify(partition)} is none; write its number, such as 7`);
}

function validRetry(run: Run, request: RetryRequest): void {
  const { stream, partition, reread } = request;
  if (stream !== undefined) goingStream(run, stream, 'retrying a part');
  if (partition !== undefined && stream === undefined) throw new Error('retrying a partition: name its stream too');
  if (partition !== undefined) return validPartition(partition, `retrying a partition of "${stream}"`);
  if (reread) throw new Error('reading a partition again: name the stream and the partition');
  if (heldOf(run, request).length === 0) throw new Error(`retrying what is held${stream === undefined ? '' : ` in stream "${stream}"`}: nothing is held; ${whyText()}`);
}

function validSkip(run: Run, { stream, partition, reason }: Partial<SkipRequest>): void {
  goingStream(run, stream, 'skipping a partition');
  validPartition(partition, `skipping a partition of "${stream}"`);
  if (typeof reason !== 'string' || reason.trim() === '') throw new Error(`skipping partition ${partition} of "${stream}": say why, it is kept in the receipt`);
  const write = run.writeOf(stream!);
  if (write !== 'append' && write !== 'merge') throw new Error(`skipping partition ${partition} of "${stream}": "write: ${write}" takes earlier rows away, and over a gap those of the gap would be gone; mend the partition, or cancel`);
}

function validApproval(run: Run, request: ApprovalRequest): void {
  if (request.stream !== undefined) goingStream(run, request.stream, 'approving or rejecting a part');
  if (waitingFor(run, request).length === 0) throw new Error(`approving or rejecting${request.stream === undefined ? '' : ` stream "${request.stream}"`}: nothing waits for an approval; ${whyText()}`);
}

const whyText = (): string => `"millrace why ${workflowInfo().workflowId}" says what it waits for`;

const partOf = ({ partition }: RetryRequest): { readonly partition?: number } => (partition === undefined ? {} : { partition: Number(partition) });

/** Streams that a retry concerns. */
const heldOf = ({ streams }: Run, { stream, partition }: RetryRequest): readonly string[] =>
  streams.going(stream).filter((name) => partition !== undefined || streams.waiting(name).some(({ state }) => state === 'held'));

const waitingFor = ({ streams }: Run, { stream }: ApprovalRequest): readonly string[] =>
  streams.going(stream).filter((name) => streams.waiting(name).some(({ state }) => state === 'waiting_approval'));

export type { RunProgress };
