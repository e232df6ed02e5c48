import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure, CancellationScope, getExternalWorkflowHandle, ParentClosePolicy, startChild, workflowInfo, type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { lockIdOf } from '../domain/ids';
import { holdPipeline } from './hold-pipeline';
import { release } from './messages';

export interface PipelineLock {
  /** True once somebody else ended the lock's workflow. */
  lost(): boolean;
  /** Takes it again; false: another run has it. */
  reclaim(): Promise<boolean>;
  release(): Promise<void>;
}

interface Held {
  readonly child: ChildWorkflowHandle<typeof holdPipeline>;
  readonly end: Promise<void>;
  ended: boolean;
}

/** Null: another run holds the pipeline. */
export async function lockPipeline(pipeline: string): Promise<PipelineLock | null> {
  let held = await CancellationScope.nonCancellable(() => startLock(pipeline));
  if (!held) return null;
  let releasing = false;
  return {
    lost: () => held!.ended && !releasing,
    async reclaim() {
      const again = await CancellationScope.nonCancellable(() => startLock(pipeline));
      held = again ?? held;
      return again !== null;
    },
    release: () => CancellationScope.nonCancellable(async () => {
      releasing = true;
      // Not by the child's own handle: it refuses what comes from a run that was reset in Temporal. This execution of the lock and no later one, which would be another run's.
      // One that cannot be told is gone, or belongs to the execution from before a reset, whose end nobody here would hear of: it is not waited for.
      const told = held!.ended || await getExternalWorkflowHandle(held!.child.workflowId, held!.child.firstExecutionRunId).signal(release).then(() => true, () => false);
      if (told) await held!.end;
    }),
  };
}

async function startLock(pipeline: string): Promise<Held | null> {
  try {
    const child = await startChild(holdPipeline, {
      workflowId: lockIdOf(pipeline),
      parentClosePolicy: ParentClosePolicy.TERMINATE,
      memo: { holder: workflowInfo().workflowId },
      staticSummary: `held by ${workflowInfo().workflowId}`,
    });
    const end = (): void => { held.ended = true; };
    const held: Held = { child, ended: false, end: child.result().then(end, end) };
    return held;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

export const busy = (pipeline: string, type: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`starting pipeline "${pipeline}": another run of it is going on; attach to it, or wait with --queue`, type);
