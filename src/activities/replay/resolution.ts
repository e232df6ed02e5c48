import { runPath } from '../../domain/ids';
import type { StagingStore } from '../../stores/staging';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { isPublished, membersOf, type Family } from './family';
import { entryStates, openFamily, stateOfEntry } from './marks';

/** What is left of a quarantine that the janitor has removed. */
export interface RemovedQuarantine {
  /** ISO instant. */
  readonly at: string;
  readonly why: string;
}

/** What became of the rows that a run set aside: `rejected = replayed + discarded + open`, counted from the entries that replays list. */
export interface Resolution {
  /** Path of the run. */
  readonly run: string;
  readonly stream: string;
  readonly rejected: number;
  readonly replayed: number;
  readonly discarded: number;
  readonly open: number;
  /** Of the replayed ones: rejected again, by a replay that has published. */
  readonly again: number;
  /** False: the run never published the stream, so a later run reads its rows again. */
  readonly published: boolean;
}

/** Of a run and each of its replays. Opens the views of `openFamily`, which a caller may use. */
export async function resolutionsOf(session: Session, staging: StagingStore, family: Family, stream: string): Promise<readonly Resolution[]> {
  const { published } = await openFamily(session, staging, family, stream);
  const found: Resolution[] = [];
  for (const { run } of membersOf(family)) {
    const path = runPath(run);
    const row = await session.row(`SELECT count(*) AS rejected${entryStates.map((state) => `, count(*) FILTER (state = '${state}') AS ${state}`).join('')} FROM (SELECT ${stateOfEntry} AS state FROM entries e WHERE e.run = ${quoteLiteral(path)})`);
    const { again } = await session.row(`SELECT count(*) AS again FROM entries e JOIN links l ON l.replay = e.run AND l.position = e.position WHERE l.run = ${quoteLiteral(path)} AND e.place <> 'publish' AND l.replay IN (${published.map(quoteLiteral).join(', ') || 'NULL'})`);
    const number = (name: string) => Number(row[name]);
    if (number('rejected') > 0) {
      found.push({ run: path, stream, rejected: number('rejected'), replayed: number('replayed'), discarded: number('discarded'), open: number('open'), again: Number(again), published: await isPublished(staging, run, stream) });
    }
  }
  return found;
}
