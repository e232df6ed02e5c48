import type { Destination } from '../connectors/connector';
import { slug } from '../domain/ids';
import { defaultRetention, type Retention } from '../domain/retention';
import type { StagedEntry, StagingStore } from '../stores/staging';
import type { Batch } from '../domain/batch';
import type { CleanActivities, PipelineCleaned } from './clean-contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { stagedPipelines, stagedRuns, type StagedRun } from './staged-runs';

const day = 86_400_000;
/** A run that this Temporal does not know may be another server's: it is left alone until nothing of it was written for so long. */
const forgotten = 30 * day;
const mostNamed = 20;

export const createFindStaging = ({ staging, taskQueue }: Dependencies): CleanActivities['findStaging'] => async () =>
  ({ queue: `${taskQueue}.${staging.id}`, pipelines: await stagedPipelines(staging) });

/** Sweeps what ended runs of one pipeline left in staging; documents stay. A run that goes on, or may, keeps everything. */
export const createCleanPipeline = (dependencies: Dependencies): CleanActivities['cleanPipeline'] => async ({ pipeline, dryRun }) =>
  withControl(dependencies.reached, async () => {
    const { staging } = dependencies;
    const runs = await stagedRuns(staging, pipeline);
    const retention = runs.at(-1)?.document.spec.retention ?? defaultRetention;
    const notes: string[] = [];
    let staged = none;
    for (const run of runs) {
      const reason = await keptBecause(staging, run);
      if (reason) notes.push(`${run.folder}: ${reason}`);
      else staged = plus(staged, await sweep(staging, run.folder, await keptBatches(staging, run, retention), dryRun));
    }
    const alive = new Set(runs.filter(({ life }) => life === 'alive').map(({ folder }) => folder));
    const quarantine = await boundQuarantine(staging, pipeline, runs, alive, retention, dryRun);
    const dead = runs.filter((run) => run.life === 'ended' && run.endedAt === null && !run.settled);
    const cleaned: PipelineCleaned = {
      ...staged, quarantineFiles: quarantine.files, quarantineBytes: quarantine.bytes,
      unsettled: dead.map(({ folder }) => folder).slice(0, mostNamed), tables: await leftTables(dependencies, runs.at(-1), dryRun, notes), notes: notes.slice(0, mostNamed),
    };
    return cleaned;
  });

interface Swept {
  readonly files: number;
  readonly bytes: number;
}
const none: Swept = { files: 0, bytes: 0 };
const plus = (left: Swept, right: Swept): Swept => ({ files: left.files + right.files, bytes: left.bytes + right.bytes });

/** Null: nothing needs its data any more. */
async function keptBecause(staging: StagingStore, { life, folder }: StagedRun): Promise<string | null> {
  if (life === 'ended') return null;
  if (life === 'alive') return 'it is going on';
  let latest = 0;
  for await (const { modifiedAt } of staging.walk(`${folder}/`)) latest = Math.max(latest, modifiedAt);
  return Date.now() - latest > forgotten ? null : 'this Temporal server does not know it; it is swept 30 days after its last file';
}

/** Documents stay, with all that a receipt is proved by. */
async function sweep(staging: StagingStore, prefix: string, keep: ReadonlySet<string>, dryRun: boolean): Promise<Swept> {
  let swept = none;
  for await (const { key, bytes } of staging.walk(`${prefix}/`)) {
    if (key.endsWith('.json') || keep.has(key)) continue;
    if (!dryRun) await staging.remove([key]);
    swept = plus(swept, { files: 1, bytes });
  }
  return swept;
}

/** Batches of a run that ended less than `keep` ago. */
async function keptBatches(staging: StagingStore, { folder, endedAt }: StagedRun, { keep }: Retention): Promise<ReadonlySet<string>> {
  const kept = new Set<string>();
  if (endedAt === null || Date.now() - endedAt >= keep) return kept;
  for await (const { key } of staging.walk(`${folder}/`)) {
    if (!key.endsWith('/batch.json')) continue;
    for (const file of (JSON.parse((await staging.read(key))!) as Batch).files) kept.add(file.key);
  }
  return kept;
}

/** Rejected rows older than `quarantine.keep`, then those of the oldest runs until `quarantine.max` is kept. */
async function boundQuarantine(staging: StagingStore, pipeline: string, runs: readonly StagedRun[], alive: ReadonlySet<string>, { quarantine }: Retention, dryRun: boolean): Promise<Swept> {
  const byRun = new Map<string, StagedEntry[]>();
  for await (const entry of staging.walk(`quarantine/${slug(pipeline)}/`)) {
    const folder = entry.key.split('/').slice(1, 3).join('/');
    if (!entry.key.endsWith('.json') && !alive.has(folder)) byRun.set(folder, [...byRun.get(folder) ?? [], entry]);
  }
  const ended = new Map(runs.map((run) => [run.folder, run.endedAt]));
  const age = (folder: string, files: readonly StagedEntry[]): number => Date.now() - (ended.get(folder) ?? Math.max(...files.map(({ modifiedAt }) => modifiedAt)));
  const oldestFirst = [...byRun].sort(([left, leftFiles], [right, rightFiles]) => age(right, rightFiles) - age(left, leftFiles));
  let held = oldestFirst.flatMap(([, files]) => files).reduce((sum, { bytes }) => sum + bytes, 0);
  let swept = none;
  for (const [folder, files] of oldestFirst) {
    const why = age(folder, files) > quarantine.keep ? 'quarantine.keep' : quarantine.max !== null && held > quarantine.max ? 'quarantine.max' : null;
    if (!why) continue;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    held -= bytes;
    swept = plus(swept, { files: files.length, bytes });
    if (dryRun) continue;
    await staging.putIfAbsent(`quarantine/${folder}/removed.json`, JSON.stringify({ at: new Date().toISOString(), why, files: files.length, bytes }));
    await staging.remove(files.map(({ key }) => key));
  }
  return swept;
}

/** Hidden tables below the present fence belong to nobody: what stays of them is what could not be locked when it was settled. */
async function leftTables({ openDestination }: Dependencies, last: StagedRun | undefined, dryRun: boolean, notes: string[]): Promise<readonly string[]> {
  if (!last) return [];
  const { run, spec, connectionsFile } = last.document;
  let destination: Destination | null = null;
  try {
    destination = await openDestination(connectionsFile, spec.destination);
    const found: string[] = [];
    for (const stream of spec.streams) found.push(...await destination.leftovers?.({ run, stream }, { drop: !dryRun }) ?? []);
    return found.slice(0, mostNamed);
  } catch (error) {
    notes.push(`looking for hidden tables in "${spec.destination}": ${error instanceof Error ? error.message : String(error)}`);
    return [];
  } finally {
    await destination?.close();
  }
}
