import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure, CancellationScope, ParentClosePolicy, startChild, workflowInfo, type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { lockIdOf } from '../domain/ids';
import { holdPipeline } from './hold-pipeline';
import { release } from './messages';

export interface PipelineLock {
  /** True once somebody else ended the lock's workflow. */
  lost(): boolean;
  release(): Promise<void>;
}

/** Null: another run holds the pipeline. */
export async function lockPipeline(pipeline: string): Promise<PipelineLock | null> {
  const child = await CancellationScope.nonCancellable(() => startLock(pipeline));
  if (!child) return null;
  let ended = false;
  const end = child.result().then(() => { ended = true; }, () => { ended = true; });
  return {
    lost: () => ended,
    release: () => CancellationScope.nonCancellable(async () => {
      if (!ended) await child.signal(release).catch(() => undefined);
      await end;
    }),
  };
}

async function startLock(pipeline: string): Promise<ChildWorkflowHandle<typeof holdPipeline> | null> {
  try {
    return await startChild(holdPipeline, {
      workflowId: lockIdOf(pipeline),
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      memo: { holder: workflowInfo().workflowId },
      staticSummary: `held by ${workflowInfo().workflowId}`,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

export const busy = (pipeline: string, type: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`starting pipeline "${pipeline}": another run of it is going on; attach to it, or wait with --queue`, type);
