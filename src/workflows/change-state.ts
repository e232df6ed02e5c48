import { workflowInfo } from '@temporalio/workflow';
import type { ChangeStateInput, ReadStateInput, StreamState } from '../activities/seeing-contract';
import { pipelineBusyType } from '../domain/failure';
import { looking } from './activity-options';
import { busy, lockPipeline } from './pipeline-lock';

/** `millrace state show` */
export async function readState(input: ReadStateInput): Promise<readonly StreamState[]> {
  return looking().readState.executeWithOptions({ activityId: 'read-state', summary: `read the checkpoints of ${input.spec.pipeline}` }, [input]);
}

/** `millrace state set`, `rewind`, `drop-gap`: under the pipeline's lock, so that no run goes on meanwhile. */
export async function changeState(input: Omit<ChangeStateInput, 'run'> & { readonly logicalDate: string }): Promise<StreamState> {
  const { spec, logicalDate } = input;
  const lock = await lockPipeline(spec.pipeline);
  if (!lock) throw busy(spec.pipeline, pipelineBusyType);
  const { workflowId, firstExecutionRunId, startTime } = workflowInfo();
  const run = { pipeline: spec.pipeline, workflowId, logicalDate, generation: 1, executionId: firstExecutionRunId, startedAt: startTime.toISOString() };
  try {
    return await looking().changeState.executeWithOptions({ activityId: 'change-state', summary: `${input.change} ${input.stream}` }, [{ ...input, run }]);
  } finally {
    await lock.release();
  }
}
