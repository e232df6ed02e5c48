import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Governor } from '../connectors/connector';
import { SourceThrottledError } from '../domain/errors';
import type { StagingStore } from './staging';

/** Waited for in the activity; longer waits are timers of Temporal's. */
const longestWait = 5_000;
/** Slots of this long lie in one folder, which goes when it is over. */
const folderSpan = 600_000;

/**
 * One budget for all workers that share a staging store. Time is cut into slots of `per / requests`; a request takes the next free
 * slot by writing its file (put if absent), so each slot is taken once whoever asks, and one that was taken stays so after a crash.
 * No span of time sees more than its share and one.
 */
export function governorIn(staging: StagingStore, connection: string): Governor {
  const home = `governor/${createHash('sha256').update(connection).digest('hex').slice(0, 16)}`;
  let next = 0;
  return {
    async permit({ requests, per }, signal) {
      const width = per / requests;
      for (let slot = Math.max(next, Math.ceil(Date.now() / width)); ; slot += 1) {
        signal.throwIfAborted();
        const wait = slot * width - Date.now();
        if (wait > longestWait) throw new SourceThrottledError(`waiting for the rate limit of the connection, ${requests} requests in ${per / 1000} seconds; the run goes on by itself`, Math.ceil(wait));
        if (!await take(staging, home, slot, width)) continue;
        next = slot + 1;
        await sleep(Math.max(0, slot * width - Date.now()), undefined, { signal });
        return;
      }
    },
  };
}

async function take(staging: StagingStore, home: string, slot: number, width: number): Promise<boolean> {
  const folder = Math.floor((slot * width) / folderSpan);
  const mine = randomUUID();
  const taken = (await staging.putIfAbsent(`${home}/${folder}/${Math.round(slot * width)}.json`, mine)) === mine;
  if (taken && slot % 50 === 0) await sweepBefore(staging, home, folder - 1);
  return taken;
}

async function sweepBefore(staging: StagingStore, home: string, folder: number): Promise<void> {
  for (const old of (await staging.list(home)).filter((key) => Number(key.split('/').at(-2)) < folder)) {
    await staging.remove((await staging.list(old.slice(0, -1))).filter((key) => !key.endsWith('/')));
  }
}
