import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { RunRef } from '../domain/ids';

/** `unknown`: Temporal does not have it: its history is gone, or it belongs to another server. */
export type Liveness = 'alive' | 'ended' | 'unknown';

/** Whether a run goes on, by its id. A later generation of the id is another run; where the server does not tell them apart, it counts as alive. */
export async function livenessOf({ workflowId, executionId }: RunRef): Promise<Liveness> {
  try {
    const { status, raw } = await Context.current().client.workflow.getHandle(workflowId).describe();
    if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return 'ended';
    const first = raw.workflowExecutionInfo?.firstRunId;
    return first && first !== executionId ? 'ended' : 'alive';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}
