import type { ExamineInput, Examined } from '../activities/seeing-contract';
import { looking } from './activity-options';

/** `millrace doctor`: what a worker on this queue says of itself. */
export async function examineWorker(input: ExamineInput): Promise<Examined> {
  return looking().examineWorker.executeWithOptions({ activityId: 'examine', summary: 'examine the worker' }, [input]);
}
