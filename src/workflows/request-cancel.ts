import { getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';

/**
 * Requests the cancellation of its parent. Only a workflow whose cancellation was requested can end as Cancelled, and the
 * server refuses a request from the workflow itself.
 */
export async function requestCancel(): Promise<void> {
  const { parent } = workflowInfo();
  if (parent) await getExternalWorkflowHandle(parent.workflowId, parent.runId).cancel();
}
