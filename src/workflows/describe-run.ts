import type { DescribeRunInput, PlannedStream } from '../activities/seeing-contract';
import { looking } from './activity-options';

/** `millrace plan`: what a run started now would do; nothing is claimed or written. */
export async function describeRun(input: DescribeRunInput): Promise<readonly PlannedStream[]> {
  return looking().describeRun.executeWithOptions({ activityId: 'plan', summary: `plan ${input.spec.pipeline}` }, [input]);
}
