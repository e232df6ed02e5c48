import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CleanActivities, CleanReport, PipelineSettled } from '../activities/clean-contract';
import { working } from './activity-options';
import { told } from './failures';
import type { CleanUpInput } from './messages';
import { lockPipeline } from './pipeline-lock';

/**
 * The janitor: removes what ended runs left in staging, and settles in the destination what terminated ones left there. One pipeline after
 * another; a failure in one (a destination that is down) keeps none of the others.
 */
export async function cleanUp({ dryRun }: CleanUpInput): Promise<CleanReport> {
  const { queue, pipelines } = await proxyActivities<CleanActivities>(working('30s')).findStaging.executeWithOptions({ activityId: 'find', summary: 'find staging' }, []);
  const activities = proxyActivities<CleanActivities>({ ...working('30s'), taskQueue: queue, retry: { maximumAttempts: 3 } });
  const done: CleanReport['pipelines'][number][] = [];
  for (const pipeline of pipelines) {
    try {
      const cleaned = await activities.cleanPipeline.executeWithOptions({ activityId: `${pipeline}/clean`, summary: `clean ${pipeline}` }, [{ pipeline, dryRun }]);
      const { settled, notes } = cleaned.unsettled.length > 0 && !dryRun ? await settle(pipeline, activities) : { settled: [], notes: [] };
      done.push({ ...cleaned, pipeline, settled, notes: [...cleaned.notes, ...notes] });
    } catch (error) {
      done.push({ pipeline, files: 0, bytes: 0, quarantineFiles: 0, quarantineBytes: 0, unsettled: [], tables: [], settled: [], notes: [told(error).message] });
    }
    setCurrentDetails(`${done.length} of ${pipelines.length} pipelines`);
  }
  return { dryRun, pipelines: done };
}

/** Under the pipeline's lock, so that no run starts meanwhile: settling takes its claim away from whoever has it. */
async function settle(pipeline: string, activities: { readonly settlePipeline: { executeWithOptions(options: object, args: [{ pipeline: string; dryRun: boolean }]): Promise<PipelineSettled> } }): Promise<PipelineSettled> {
  const lock = await lockPipeline(pipeline);
  if (!lock) return { settled: [], notes: ['a run is going on: it settles what earlier ones left when it claims its targets'] };
  try {
    return await activities.settlePipeline.executeWithOptions({ activityId: `${pipeline}/settle`, summary: `settle ${pipeline}` }, [{ pipeline, dryRun: false }]);
  } finally {
    await lock.release();
  }
}
