import { createHash } from 'node:crypto';
import { isNamed, listRuns } from './runs';
import type { StagingStore } from './staging';

/**
 * Stores that pipelines name with `staging: s3://…`, as a home knows them: a note per address in its own staging, written by the
 * first worker that worked there. Commands find runs by them whose pipeline file is not at hand.
 */
const folder = 'elsewhere';

export async function noteElsewhere(own: StagingStore, address: string): Promise<void> {
  await own.putIfAbsent(`${folder}/${createHash('sha256').update(address).digest('hex').slice(0, 16)}.json`, JSON.stringify({ staging: address }));
}

export async function knownElsewhere(own: StagingStore): Promise<readonly string[]> {
  const texts = await Promise.all((await own.list(folder)).filter((key) => key.endsWith('.json')).map((key) => own.read(key)));
  return texts.flatMap((text) => (text === null ? [] : [(JSON.parse(text) as { readonly staging: string }).staging]));
}

/** Of these stores the one that holds the newest run that a word names (a run's id, a pipeline's name); the first where none does. */
export async function holderOfRun<Place extends { readonly staging: StagingStore }>(places: readonly [Place, ...Place[]], word: string): Promise<Place> {
  const [pipeline = '', run] = word.split('/');
  let found: { readonly place: Place; readonly startedAt: string } | null = null;
  for (const place of places.length > 1 ? places : []) {
    const [newest] = (await listRuns(place.staging, pipeline)).filter((stored) => run === undefined || isNamed(stored.run, word));
    if (newest && (!found || newest.run.startedAt > found.startedAt)) found = { place, startedAt: newest.run.startedAt };
  }
  return found?.place ?? places[0];
}
