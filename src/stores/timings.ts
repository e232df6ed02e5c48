import { runPath, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { Timing } from '../domain/timing';
import type { StagingStore } from './staging';

/** No stream's folder begins with an underscore, unless it has no letter in its name. */
const folderOf = (run: RunRef): string => `${runPath(run)}/_timings`;

/** The first attempt that came to an end counts; a second visit finds its work done and takes no time. */
export const recordTiming = (staging: StagingStore, run: RunRef, activityId: string, timing: Timing): Promise<string> =>
  staging.putIfAbsent(`${folderOf(run)}/${activityId.replace(/[^A-Za-z0-9~_-]+/g, '.')}.json`, canonicalJson(timing));

/** All activities of a run, in the order they began. */
export async function readTimings(staging: StagingStore, run: RunRef): Promise<readonly Timing[]> {
  const found: Timing[] = [];
  for (const key of await staging.list(folderOf(run))) {
    const text = key.endsWith('.json') ? await staging.read(key) : null;
    if (text !== null) found.push(JSON.parse(text) as Timing);
  }
  return found.sort((left, right) => left.startedAt.localeCompare(right.startedAt));
}
