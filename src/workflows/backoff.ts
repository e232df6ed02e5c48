import { sleep } from '@temporalio/workflow';

/** From 5 seconds to 5 minutes: often enough to be next, seldom enough for days. */
export const backOff = (times: number, summary: string): Promise<void> => sleep(Math.min(5000 * 2 ** times, 300_000), { summary });
