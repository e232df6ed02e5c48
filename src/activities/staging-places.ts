import type { RunRef } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import { holderOfRun, knownElsewhere, noteElsewhere } from '../stores/elsewhere';
import type { StagingStore } from '../stores/staging';
import { createActivities } from './index';
import type { Dependencies } from './dependencies';

/** One staging, and the activities that work in it. */
export interface StagingPlace {
  readonly staging: StagingStore;
  readonly activities: ReturnType<typeof createActivities>;
}

/** The stores a worker works in: its own, and those that pipelines name. */
export interface StagingPlaces {
  readonly own: StagingPlace;
  /** Where an activity's input says that its work lies. */
  placeOf(input: unknown): Promise<StagingPlace>;
}

/** What inputs of activities say of the staging they mean. */
interface Said {
  readonly run?: RunRef;
  readonly spec?: PipelineSpec;
  readonly staging?: string;
  /** A run's id or a pipeline's name: `verify`. */
  readonly word?: string;
}

export interface PlacesOptions {
  readonly own: StagingStore;
  open(address: string): Promise<StagingStore>;
  dependenciesOf(staging: StagingStore): Dependencies;
}

export function openStagingPlaces({ own: ownStaging, open, dependenciesOf }: PlacesOptions): StagingPlaces {
  const placeIn = (staging: StagingStore): StagingPlace => ({ staging, activities: createActivities(dependenciesOf(staging)) });
  const own = placeIn(ownStaging);
  const named = new Map<string, Promise<StagingPlace>>();
  const at = (address: string): Promise<StagingPlace> => {
    const place = named.get(address) ?? begin(address);
    named.set(address, place);
    // One that could not be opened is tried again by the next that asks.
    place.catch(() => named.delete(address));
    return place;
  };
  const begin = async (address: string): Promise<StagingPlace> => {
    const place = placeIn(await open(address));
    await noteElsewhere(ownStaging, address);
    return place;
  };

  return {
    own,
    async placeOf(input) {
      const { run, spec, staging, word } = (input ?? {}) as Said;
      const address = run?.staging ?? spec?.staging ?? staging;
      if (address !== undefined) return at(address);
      if (run || spec || word === undefined) return own;
      return holderOfRun([own, ...await Promise.all((await knownElsewhere(ownStaging)).map(at))], word);
    },
  };
}

/** Each activity in the staging that its input means. */
export function activitiesIn(places: StagingPlaces): ReturnType<typeof createActivities> {
  const names = Object.keys(places.own.activities) as (keyof ReturnType<typeof createActivities>)[];
  return Object.fromEntries(names.map((name) => [name, async (input: never) =>
    ((await places.placeOf(input)).activities[name] as (input: never) => Promise<unknown>)(input)])) as unknown as ReturnType<typeof createActivities>;
}
