import type { Client } from '@temporalio/client';
import { slug } from '../domain/ids';
import { isNotFound } from './follow';

/** A run that ended without a receipt: something in Temporal itself ended it, or it failed before it began. */
export interface EndedOutside {
  readonly run: string;
  readonly pipeline: string;
  /** `was terminated by ann@desk: not needed any more` */
  readonly how: string;
  /** ISO instant. */
  readonly at: string;
}

/** What is left of such a run, and what comes next. */
export const leftBehind = 'what it had loaded and not published is settled by the next run, or by "millrace clean"';

/** Null: it goes on, ended in the ordinary way, or is not known to this server. */
export async function endedOutside(client: Client, runId: string, execution?: string): Promise<EndedOutside | null> {
  const handle = client.workflow.getHandle(runId, execution);
  const described = await handle.describe().catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
  if (!described || !['TERMINATED', 'TIMED_OUT', 'FAILED'].includes(described.status.name)) return null;
  const last = (await handle.fetchHistory()).events?.at(-1);
  const { reason, identity } = last?.workflowExecutionTerminatedEventAttributes ?? {};
  const said = reason || last?.workflowExecutionFailedEventAttributes?.failure?.message;
  const verb = { TERMINATED: 'was terminated', TIMED_OUT: 'ran out of its time in Temporal', FAILED: 'failed before it began' }[described.status.name as 'FAILED'];
  return { run: runId, pipeline: runId.split('/')[0]!, how: `${verb}${identity ? ` by ${identity}` : ''}${said ? `: ${said}` : ''}`, at: (described.closeTime ?? new Date(0)).toISOString() };
}

/** Runs of a pipeline, without one of all, that Temporal ended; newest first, as far back as it remembers. */
export async function allEndedOutside(client: Client, pipeline: string | undefined, most: number): Promise<readonly EndedOutside[]> {
  const found: EndedOutside[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: 'WorkflowType = "runPipeline" AND (ExecutionStatus = "Terminated" OR ExecutionStatus = "TimedOut")' })) {
    if (pipeline !== undefined && slug(workflowId.split('/')[0]!) !== slug(pipeline)) continue;
    const ended = await endedOutside(client, workflowId, runId);
    if (ended) found.push(ended);
    if (found.length === most) break;
  }
  return found;
}
