import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CleanActivities, CleanReport, PipelineSettled, StagingFound } from '../activities/clean-contract';
import { working } from './activity-options';
import { told } from './failures';
import type { CleanUpInput } from './messages';
import { lockPipeline } from './pipeline-lock';

/**
 * The janitor: removes what ended runs left in staging, and settles in the destination what terminated ones left there. One pipeline after
 * another; a failure in one (a destination that is down) keeps none of the others.
 */
export async function cleanUp({ dryRun }: CleanUpInput): Promise<CleanReport> {
  const own = await find();
  const done = [...await cleanIn(own, dryRun)];
  for (const staging of own.elsewhere ?? []) {
    try {
      done.push(...await cleanIn(await find(staging), dryRun, staging));
    } catch (error) {
      done.push({ ...nothing, pipeline: staging.replace(/\?.*/, ''), notes: [told(error).message] });
    }
  }
  return { dryRun, pipelines: done };
}

const find = (staging?: string): Promise<StagingFound> => proxyActivities<CleanActivities>({ ...working('30s'), ...(staging !== undefined && { retry: { maximumAttempts: 3 } }) })
  .findStaging.executeWithOptions({ activityId: 'find', summary: `find staging${staging === undefined ? '' : ` ${staging.replace(/\?.*/, '')}`}` }, staging === undefined ? [] : [{ staging }]);

const nothing = { files: 0, bytes: 0, quarantineFiles: 0, quarantineBytes: 0, unsettled: [], tables: [], settled: [] };

async function cleanIn({ queue, pipelines }: StagingFound, dryRun: boolean, staging?: string): Promise<CleanReport['pipelines']> {
  const activities = proxyActivities<CleanActivities>({ ...working('30s'), taskQueue: queue, retry: { maximumAttempts: 3 } });
  const done: CleanReport['pipelines'][number][] = [];
  for (const pipeline of pipelines) {
    try {
      const cleaned = await activities.cleanPipeline.executeWithOptions({ activityId: `${pipeline}/clean`, summary: `clean ${pipeline}` }, [{ pipeline, dryRun, ...(staging !== undefined && { staging }) }]);
      const { settled, notes } = cleaned.unsettled.length > 0 && !dryRun ? await settle(pipeline, activities, staging) : { settled: [], notes: [] };
      done.push({ ...cleaned, pipeline, settled, notes: [...cleaned.notes, ...notes] });
    } catch (error) {
      done.push({ ...nothing, pipeline, notes: [told(error).message] });
    }
    setCurrentDetails(`${done.length} of ${pipelines.length} pipelines`);
  }
  return done;
}

/** Under the pipeline's lock, so that no run starts meanwhile: settling takes its claim away from whoever has it. */
async function settle(pipeline: string, activities: { readonly settlePipeline: { executeWithOptions(options: object, args: [{ pipeline: string; dryRun: boolean; staging?: string }]): Promise<PipelineSettled> } }, staging: string | undefined): Promise<PipelineSettled> {
  const lock = await lockPipeline(pipeline);
  if (!lock) return { settled: [], notes: ['a run is going on: it settles what earlier ones left when it claims its targets'] };
  try {
    return await activities.settlePipeline.executeWithOptions({ activityId: `${pipeline}/settle`, summary: `settle ${pipeline}` }, [{ pipeline, dryRun: false, ...(staging !== undefined && { staging }) }]);
  } finally {
    await lock.release();
  }
}
