import { CancellationScope, condition, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import type { PlanRef } from '../domain/plan';
import { asRequest, ordinalOf, textOf } from './by-hand';
import { told } from './failures';
import type { Gate } from './gate';
import {
  approvePiece, cancel, pause, rejectPiece, resume, retryPiece, setWindow, skipPiece, streamReport, type RetryRequest, type StreamProgress, type StreamReport,
} from './messages';
import { refused, type Partitions } from './partitions';

export interface StreamControls {
  /** Resolves when everything that was heard has been carried out and told. */
  settled(): Promise<void>;
}

interface Controlled {
  readonly gate: Gate;
  readonly partitions: Partitions;
  plan(): PlanRef | null;
  progress(): StreamProgress;
  /** Refreshes what Temporal's Web UI shows. */
  show(): void;
}

/** What a stream does when it is told to, by its run or by hand; each order is answered, and each wait for a person is told to the run. */
export function openStreamControls(controlled: Controlled): StreamControls {
  const { gate, partitions } = controlled;
  const answers: { order: number; refusal: string | null }[] = [];
  let carrying = 0;
  let told: string | null = null;

  /** Carries out an order and remembers the answer. */
  const carryOut = async <Request extends { readonly order?: number }>(given: Request | undefined, work: (request: Partial<Request>) => void | Promise<void>): Promise<void> => {
    const request = asRequest<Request>(given);
    const { order } = request;
    carrying += 1;
    let refusal: string | null = null;
    try {
      await work(request);
    } catch (error) {
      refusal = messageOf(error);
    } finally {
      carrying -= 1;
      if (typeof order === 'number') answers.push({ order, refusal });
    }
  };

  setHandler(pause, (request) => carryOut(request, () => gate.pause()), { description: 'Stop at the next safe place; nothing is lost' });
  setHandler(resume, (request) => carryOut(request, () => gate.resume()), { description: 'Go on; also tries again what is held' });
  setHandler(cancel, (request) => carryOut(request, () => gate.drain()), { description: 'End this stream after what is in hand' });
  setHandler(setWindow, (request) => carryOut(request, ({ window }) => { partitions.window = validWindow(window); }), { description: 'How many partitions of this stream move at once: {"window": 2}' });
  setHandler(retryPiece, (request) => carryOut(request, (asked) => retry(controlled, asked)), { description: 'Try again what is held: {"partition": 7, "reread": true}' });
  setHandler(skipPiece, (request) => carryOut(request, ({ partition, by, reason }) => partitions.skip(within(controlled, partition), ordinalOf(partition), textOf(by), needed(reason))), { description: 'Leave a partition out, as a recorded gap: {"partition": 7, "reason": "…"}' });
  setHandler(approvePiece, (request) => carryOut(request, ({ by, reason }) => { gate.decide('approve', textOf(by), textOf(reason)); }), { description: 'Publish what waits for an approval' });
  setHandler(rejectPiece, (request) => carryOut(request, ({ by, reason }) => { gate.decide('reject', textOf(by), textOf(reason)); }), { description: 'End this stream instead of publishing it' });

  const news = (): string => {
    const { state, message, waiting } = controlled.progress();
    return state === 'running' && waiting.length === 0 ? 'running' : JSON.stringify([state, message, waiting]);
  };
  const hasNews = (): boolean => answers.length > 0 || news() !== (told ?? 'running');
  const { parent } = workflowInfo();
  // Ends with the workflow; a run that is gone hears nothing any more, which is right.
  void CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(hasNews);
      told = news();
      controlled.show();
      const { stream, state, stage, message, waiting } = controlled.progress();
      const report: StreamReport = { stream, state, stage, message, waiting: waiting.slice(0, 20), answers: answers.splice(0) };
      // By id alone: a run that was reset in Temporal goes on as another execution.
      if (parent) await getExternalWorkflowHandle(parent.workflowId).signal(streamReport, report).catch(() => undefined);
    }
  });
  return { settled: () => CancellationScope.nonCancellable(() => condition(() => carrying === 0 && answers.length === 0)) };
}

async function retry(controlled: Controlled, { partition: given, reread }: RetryRequest): Promise<void> {
  const { gate, partitions } = controlled;
  if (given === undefined) {
    gate.retry();
    return;
  }
  const plan = within(controlled, given);
  const partition = ordinalOf(given);
  const { stage, stream } = controlled.progress();
  if (reread) await partitions.reread(plan, partition, stage === 'transform' || stage === 'contract' || (stage === 'check' && !plan.wholeStream));
  if (reread) gate.retry();
  else if (!gate.retry(partition)) throw refused(`partition ${partition} of "${stream}" is neither held nor at work; "millrace status" shows what is`);
}

function within({ plan, progress }: Controlled, given: unknown): PlanRef {
  const partition = ordinalOf(given);
  const planned = plan();
  const { stream } = progress();
  if (!planned) throw refused(`stream "${stream}" has no plan yet; it has no partitions`);
  if (!(partition < planned.partitions)) throw refused(`stream "${stream}" has no partition ${JSON.stringify(given)}; they are 0 to ${planned.partitions - 1}`);
  return planned;
}

function validWindow(window: unknown): number {
  if (!Number.isInteger(window) || Number(window) < 1) throw refused(`a window of ${JSON.stringify(window)} partitions is none; write a whole number from 1, such as {"window": 2}`);
  return Number(window);
}

function needed(reason: unknown): string {
  const text = textOf(reason);
  if (text === null) throw refused('skipping a partition: say why, it is kept in the receipt');
  return text;
}

const messageOf = (error: unknown): string => told(error).message;
