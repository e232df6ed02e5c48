import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';

/** Of gRPC: the deadline has passed, and the server cannot be reached. */
const away: readonly unknown[] = [4, 14];

/** A call that Temporal's server did not answer, as told by the client after it has tried for long. */
export function isAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  return ('code' in error && away.includes(error.code)) || ('cause' in error && isAway(error.cause));
}

/** Whether the server answers at all: where it does not, no worker is to blame. */
export async function answers({ connection }: Client): Promise<boolean> {
  return connection.withDeadline(Date.now() + 3000, () => connection.workflowService.getSystemInfo({})).then(() => true, () => false);
}

/** Asks again where the server was away: it may be restarted or updated while somebody watches. */
export async function throughOutages<Answer>(work: () => Promise<Answer>, every = 2000): Promise<Answer> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error)) throw error;
      await sleep(every);
    }
  }
}
