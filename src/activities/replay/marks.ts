import type { StagedFile } from '../../domain/manifest';
import { runPath, type RunRef } from '../../domain/ids';
import { positionsPerPartition } from '../../domain/column';
import { openEntries, openMarks } from '../../stores/quarantine-entries';
import type { StagingStore } from '../../stores/staging';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import { openArtefacts } from '../artefacts';
import { isPublished, membersOf, type Family } from './family';
import { isRemoved, quarantinedFiles, quarantineFolder, type QuarantinedFile } from './quarantined';

/** What a person did to entries: `quarantine/<run>/<stream>/discards/0001.json`, `…/edits/0001.json`; the entries themselves in a Parquet file. */
export interface MarkDocument {
  readonly kind: MarkKind;
  readonly by: string;
  readonly why: string | null;
  /** ISO instant. */
  readonly at: string;
  readonly file: StagedFile & { readonly rows: number };
}
export const markKinds = ['discards', 'edits'] as const;
export type MarkKind = (typeof markKinds)[number];

export const marksFolder = (run: RunRef, stream: string, kind: MarkKind): string => `${quarantineFolder(run, stream)}/${kind}`;

/** In the order they were made. */
export async function marksOf(staging: StagingStore, run: RunRef, stream: string, kind: MarkKind): Promise<readonly MarkDocument[]> {
  const keys = (await staging.list(marksFolder(run, stream, kind))).filter((key) => key.endsWith('.json')).sort();
  return Promise.all(keys.map(async (key) => JSON.parse((await staging.read(key))!) as MarkDocument));
}

/** Records what was done; first come, first numbered. */
export async function addMark(staging: StagingStore, run: RunRef, stream: string, mark: MarkDocument): Promise<void> {
  const folder = marksFolder(run, stream, mark.kind);
  const text = JSON.stringify(mark);
  for (let number = 1 + (await marksOf(staging, run, stream, mark.kind)).length; ; number += 1) {
    if ((await staging.putIfAbsent(`${folder}/${String(number).padStart(4, '0')}.json`, text)) === text) return;
  }
}

export interface OpenedFamily {
  readonly files: readonly QuarantinedFile[];
  /** Paths of replays that have published this stream. */
  readonly published: readonly string[];
}

/**
 * Views of a stream's quarantine over a run and its replays: `entries` (what was set aside; `raw` as it was mended, `edited` says so),
 * `taken` (by replays that have published), `discarded`, and `links` (row of a replay → the entry that it was). Whether a replay has published is what staging knows.
 */
export async function openFamily(session: Session, staging: StagingStore, family: Family, stream: string): Promise<OpenedFamily> {
  const files: QuarantinedFile[] = [];
  const links: string[] = [];
  const marks: Record<MarkKind | 'taken', StagedFile[]> = { discards: [], edits: [], taken: [] };
  const published: string[] = [];
  for (const { run, spec } of membersOf(family)) {
    if (!spec.streams.some((one) => one.stream === stream) || await isRemoved(staging, run)) continue;
    files.push(...await quarantinedFiles(staging, run, stream));
    for (const kind of markKinds) marks[kind].push(...(await marksOf(staging, run, stream, kind)).map(({ file }) => file));
    const plan = run.replay ? await openArtefacts(staging).plan.find(run, stream) : null;
    if (!plan?.replay) continue;
    links.push(plan.replay.readsSource ? sameRecord(runPath(run), await staging.fetch(plan.replay.entries)) : `SELECT ${quoteLiteral(runPath(run))} AS replay, CAST(part AS BIGINT) * ${positionsPerPartition} + ordinal AS position, run, place, row FROM read_parquet(${quoteLiteral(await staging.fetch(plan.replay.entries))})`);
    if (!(await isPublished(staging, run, stream))) continue;
    published.push(runPath(run));
    marks.taken.push(plan.replay.entries);
  }
  await openEntries(session, staging, files, 'quarantined');
  await openMarks(session, staging, marks.discards, 'discarded');
  await openMarks(session, staging, marks.taken, 'taken');
  await openMarks(session, staging, marks.edits, 'edits', ['raw', 'number']);
  await session.run('CREATE TEMP VIEW mended AS SELECT run, place, row, max_by(raw, CAST(number AS BIGINT)) AS raw FROM edits GROUP BY run, place, row');
  await session.run('CREATE TEMP VIEW entries AS SELECT q.* REPLACE (coalesce(m.raw, q.raw) AS raw), m.raw IS NOT NULL AS edited FROM quarantined q LEFT JOIN mended m USING (run, place, row)');
  await session.run(`CREATE TEMP VIEW links AS ${links.join(' UNION ALL ') || "SELECT '' AS replay, 0 AS position, '' AS run, '' AS place, 0 AS row WHERE false"}`);
  return { files, published };
}

/** Where a replay has read the source again, a row that it rejected is the entry with the same record, one for one. */
function sameRecord(replay: string, entries: string): string {
  const numbered = (columns: string, from: string, order: string): string => `SELECT ${columns}, q.raw, row_number() OVER (PARTITION BY q.raw ORDER BY ${order}) AS nth FROM ${from}`;
  const taken = numbered('q.run, q.place, q.row', `read_parquet(${quoteLiteral(entries)}) t JOIN quarantined q USING (run, place, row)`, 'q.run, q.place, q.row');
  const again = numbered('q.position', `quarantined q WHERE q.run = ${quoteLiteral(replay)}`, 'q.position');
  return `SELECT ${quoteLiteral(replay)} AS replay, a.position, t.run, t.place, t.row FROM (${taken}) t JOIN (${again}) a USING (raw, nth)`;
}

/** SQL over `entries e`: what has become of one. A row that was loaded was not discarded, whoever was faster. */
export const stateOfEntry = "CASE WHEN EXISTS (SELECT 1 FROM taken t WHERE t.run = e.run AND t.place = e.place AND t.row = e.row) THEN 'replayed' WHEN EXISTS (SELECT 1 FROM discarded d WHERE d.run = e.run AND d.place = e.place AND d.row = e.row) THEN 'discarded' ELSE 'open' END";
export const entryStates = ['replayed', 'discarded', 'open'] as const;
/** Condition over it. */
export const stillOpen = `${stateOfEntry} = 'open'`;
