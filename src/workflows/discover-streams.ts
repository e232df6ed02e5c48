import type { Discovered, DiscoverInput } from '../activities/seeing-contract';
import { looking } from './activity-options';

/** `millrace discover`: what a connection offers, seen from where it will be read (semantics 16). */
export async function discoverStreams(input: DiscoverInput): Promise<Discovered> {
  return looking().discoverStreams.executeWithOptions({ activityId: 'discover', summary: `discover ${input.connection}` }, [input]);
}
