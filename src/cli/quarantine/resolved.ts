import type { Resolution } from '../../activities/replay/resolution';
import { grouped } from '../words';

/** `rejected 12 = replayed 10 + discarded 1 + open 1`; a term of 0 is left out, apart from what is open. */
export function resolvedText({ rejected, replayed, discarded, open, again, published }: Resolution): string {
  const terms = [...(replayed > 0 ? [`replayed ${grouped(replayed)}`] : []), ...(discarded > 0 ? [`discarded ${grouped(discarded)}`] : []), `open ${grouped(open)}`];
  const sum = `rejected ${grouped(rejected)} = ${terms.join(' + ')}`;
  if (!published) return `${sum}; never published, so a later run reads them again`;
  return again > 0 ? `${sum}; of the replayed, ${grouped(again)} were rejected again` : sum;
}
