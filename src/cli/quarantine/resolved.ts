import { familyOf, originOf } from '../../activities/replay/family';
import { resolutionsOf, type Resolution } from '../../activities/replay/resolution';
import { runPath, type RunRef } from '../../domain/ids';
import { listReceipts } from '../../stores/runs';
import type { StagingStore } from '../../stores/staging';
import type { Session } from '../../transforms/duckdb-engine';
import { grouped } from '../words';
import { runName } from './common';

export interface Resolved extends Resolution {
  /** Of a run that never published the stream: the later run that read its rows again; null: none has yet. */
  readonly supersededBy: string | null;
  /** Of a table that each run replaces: the later run whose rows it holds since, so that these are not replayed any more. */
  readonly replacedBy: string | null;
}

/** What became of the rows that a run set aside of a stream; null: there are none. */
export async function resolvedOf(session: Session, staging: StagingStore, run: RunRef, stream: string): Promise<Resolved | null> {
  const family = await familyOf(staging, originOf(run));
  const found = family && (await resolutionsOf(session, staging, family, stream)).find((one) => one.run === runPath(run));
  if (!found) return null;
  const write = family.original.spec.streams.find((one) => one.stream === stream)?.write;
  const asked = !found.published || ((write === 'replace' || write === 'delete_insert') && found.open > 0);
  const later = asked ? await laterRun(staging, family.original.run, stream) : null;
  return { ...found, supersededBy: found.published ? null : later, replacedBy: found.published ? later : null };
}

/** The first later run that published the stream. */
async function laterRun(staging: StagingStore, run: RunRef, stream: string): Promise<string | null> {
  const later = (await listReceipts(staging, run.pipeline)).filter((receipt) => !receipt.run.replay && receipt.run.startedAt > run.startedAt
    && receipt.streams.some((one) => one.stream === stream && one.state.startsWith('succeeded')));
  const first = later.at(-1);
  return first ? runName(first.run) : null;
}

/** `rejected 12 = replayed 10 + discarded 1 + open 1`; a term of 0 is left out, apart from what is open. */
export function resolvedText({ rejected, replayed, discarded, open, again, published, supersededBy: later, replacedBy }: Resolved): string {
  const terms = [...(replayed > 0 ? [`replayed ${grouped(replayed)}`] : []), ...(discarded > 0 ? [`discarded ${grouped(discarded)}`] : []), `open ${grouped(open)}`];
  if (!published) return `rejected ${grouped(rejected)}, of a stream that was not published: ${later === null ? 'the next run reads them again' : `superseded by ${later}`}`;
  return `rejected ${grouped(rejected)} = ${terms.join(' + ')}${again > 0 ? `; of the replayed, ${grouped(again)} were rejected again` : ''}${replacedBy === null ? '' : `; ${replacedBy} has put its own rows there since, so what is open here is not replayed any more`}`;
}
