import { userInfo } from 'node:os';
import { addMark, marksFolder, type MarkKind } from '../../activities/replay/marks';
import { membersOf } from '../../activities/replay/family';
import { runPath } from '../../domain/ids';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { Opened } from './common';

interface Change {
  readonly session: Session;
  readonly opened: Opened;
  readonly stream: string;
  readonly kind: MarkKind;
  readonly why: string | null;
  /** Table of run, place, row and, of edits, raw. */
  readonly table: string;
}

/** Records what a person did to entries, beside the quarantine of each run that they are of. Returns how many. */
export async function recordChange({ session, opened: { staging, family }, stream, kind, why, table }: Change): Promise<number> {
  let changed = 0;
  for (const { run } of membersOf(family)) {
    const mine = `run = ${quoteLiteral(runPath(run))}`;
    const { n } = await session.row(`SELECT count(*) AS n FROM ${table} WHERE ${mine}`);
    if (n === '0') continue;
    const { key, path } = await staging.create(marksFolder(run, stream, kind), 'parquet');
    const rows = await session.changed(`COPY (SELECT run, place, row${kind === 'edits' ? `, raw, '${Date.now()}' AS number` : ''} FROM ${table} WHERE ${mine}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
    await addMark(staging, run, stream, { kind, by: userInfo().username, why, at: new Date().toISOString(), file: { ...(await staging.seal(key)), rows } });
    changed += rows;
  }
  return changed;
}
