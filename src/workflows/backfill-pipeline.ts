import { CancellationScope, continueAsNew, executeChild, isCancellation, ParentClosePolicy, setCurrentDetails, setHandler, startChild, workflowInfo } from '@temporalio/workflow';
import { ApplicationFailure } from '@temporalio/common';
import { backfillIdOf, type BackfillSummary, type BackfillWindow } from '../domain/backfill';
import { runFailedType } from '../domain/failure';
import { backfillProgress, cancel, type BackfillInput } from './messages';
import { createLabels } from './labels';
import { requestCancel } from './request-cancel';
import { runPipeline } from './run-pipeline';
import { told } from './failures';

const nothing = { done: 0, read: 0, loaded: 0, rejected: 0 };

/** Windows of a pipeline, one run each and one after another, so that other runs of it come in between. Stops at the first that fails. */
export async function backfillPipeline(input: BackfillInput): Promise<BackfillSummary> {
  const { windows } = input;
  let sums = input.carried ?? nothing;
  createLabels(input.searchAttributes === true).tell({ pipeline: input.spec.pipeline });
  setHandler(backfillProgress, () => ({ windows: windows.length, ...sums, current: windows[sums.done] ? idOf(input, windows[sums.done]!) : null }), { description: 'Windows done, and the one that runs' });
  setHandler(cancel, async () => {
    await CancellationScope.nonCancellable(() => executeChild(requestCancel, { workflowId: `${workflowInfo().workflowId}/cancel`, args: [] }));
  }, { description: 'End after the batches in hand; windows that are done stay' });
  while (sums.done < windows.length) {
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof backfillPipeline>({ ...input, carried: sums });
    const { totals } = await moveWindow(input, windows[sums.done]!);
    sums = { done: sums.done + 1, read: sums.read + totals.read, loaded: sums.loaded + totals.loaded, rejected: sums.rejected + totals.rejected };
    setCurrentDetails(`${sums.done} of ${windows.length} windows, ${sums.read} rows read, ${sums.loaded} loaded, ${sums.rejected} rejected`);
  }
  return { windows: windows.length, ...sums };
}

const idOf = ({ spec }: BackfillInput, window: BackfillWindow): string => backfillIdOf(spec.pipeline, window);

async function moveWindow(input: BackfillInput, window: BackfillWindow) {
  const { spec, connectionsFile, windows, searchAttributes } = input;
  try {
    const child = await startChild(runPipeline, {
      workflowId: idOf(input, window), parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL, staticSummary: `backfill ${spec.pipeline}`,
      args: [{ spec, connectionsFile, logicalDate: window.to, backfill: window, whenHeld: 'queue', allowDestructive: false, ...(searchAttributes && { searchAttributes }) }],
    });
    return await child.result();
  } catch (error) {
    if (isCancellation(error)) throw error;
    const at = windows.indexOf(window);
    throw ApplicationFailure.nonRetryable(`window ${window.from} … ${window.to} failed, ${at} of ${windows.length} were done before it: ${told(error).message}; mend that and say it again: windows that are done are loaded again to the same rows`, runFailedType, ...detailsOf(error));
  }
}

/** The failed window's own receipt, so that the exit code follows what went wrong. */
const detailsOf = (error: unknown): readonly unknown[] => (error instanceof Error && error.cause instanceof ApplicationFailure ? (error.cause.details ?? []) : []);
