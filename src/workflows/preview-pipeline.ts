import { condition, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow';
import type { PreviewInput } from '../activities/seeing-contract';
import type { PreviewRef } from '../domain/preview';
import { causeOf } from './failures';
import { looking } from './activity-options';

/** Answers when the rows lie in staging. */
export const previewed = defineUpdate<PreviewRef>('previewed');
/** The client has read them. */
export const fetched = defineSignal('fetched');

/** `millrace preview`: rows lie in staging until the client has read them, for a minute at most, and never in history. */
export async function previewPipeline(input: PreviewInput): Promise<void> {
  const activities = looking();
  let read = false;
  setHandler(fetched, () => { read = true; });
  const preview = activities.previewPipeline.executeWithOptions({ activityId: 'preview', summary: `preview ${input.spec.pipeline}` }, [input]);
  setHandler(previewed, async () => {
    try {
      return await preview;
    } catch (error) {
      throw causeOf(error);
    }
  });
  try {
    await preview;
    await condition(() => read, '1 minute');
  } finally {
    await activities.sweepPreview.executeWithOptions({ activityId: 'sweep', summary: 'remove what was shown' }, [{ id: input.id, ...(input.spec.staging && { staging: input.spec.staging }) }]);
  }
}
