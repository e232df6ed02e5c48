import { CancelledFailure, TerminatedFailure, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { pipelineBusyType, type FailureDetail } from '../domain/failure';
import type { RunSummary } from '../domain/receipt';

/** How a run ended, as the client can tell it. */
export type Outcome =
  | { readonly kind: 'summary'; readonly summary: RunSummary }
  /** Another run holds the pipeline, and this one was not to wait. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'terminated' }
  | { readonly kind: 'failed'; readonly message: string; readonly area: string };

/** Waits for the end of a run. A failed run carries its summary in the failure's details, a cancelled one in its memo: the server keeps no details of those. */
export async function outcomeOf(handle: WorkflowHandle): Promise<Outcome> {
  try {
    return { kind: 'summary', summary: (await handle.result()) as RunSummary };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof TerminatedFailure && (await wasReset(handle))) return outcomeOf(handle.client.getHandle(handle.workflowId));
    if (!(error.cause instanceof CancelledFailure)) return outcomeOfCause(error.cause);
    const summary = (await handle.describe()).memo?.['summary'];
    return isSummary(summary) ? { kind: 'summary', summary } : outcomeOfCause(error.cause);
  }
}

/** A reset terminates one execution and goes on as the next under the same id. */
async function wasReset({ client, workflowId }: WorkflowHandle): Promise<boolean> {
  return (await client.getHandle(workflowId).describe()).status.name !== 'TERMINATED';
}

export function outcomeOfCause(cause: unknown): Outcome {
  if (cause instanceof TerminatedFailure) return { kind: 'terminated' };
  if (cause instanceof ApplicationFailure && cause.type === pipelineBusyType) return { kind: 'busy' };
  const details: readonly unknown[] = cause instanceof ApplicationFailure || cause instanceof CancelledFailure ? (cause.details ?? []) : [];
  const summary = details.find(isSummary);
  if (summary) return { kind: 'summary', summary };
  const deepest = deepestOf(cause);
  const detail = deepest instanceof ApplicationFailure ? (deepest.details?.[0] as FailureDetail | undefined) : undefined;
  return { kind: 'failed', message: deepest instanceof Error ? deepest.message : String(deepest), area: detail?.area ?? 'internal' };
}

const deepestOf = (error: unknown): unknown => (error instanceof Error && error.cause instanceof Error ? deepestOf(error.cause) : error);

const isSummary = (value: unknown): value is RunSummary =>
  typeof value === 'object' && value !== null && 'run' in value && 'streams' in value && 'hash' in value;
