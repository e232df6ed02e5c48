import { getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';

/**
 * Requests the cancellation of its parent. Only a workflow whose cancellation was requested can end as Cancelled, and the
 * server refuses a request from the workflow itself.
 * @param streams ids of the run's streams: a run that was reset in Temporal reaches them by id alone, not as their parent.
 */
export async function requestCancel(streams: readonly string[] = []): Promise<void> {
  const { parent } = workflowInfo();
  if (parent) await getExternalWorkflowHandle(parent.workflowId, parent.runId).cancel();
  await Promise.all(streams.map((stream) => getExternalWorkflowHandle(stream).cancel().catch(() => undefined)));
}
