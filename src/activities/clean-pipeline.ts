import type { Destination } from '../connectors/connector';
import { defaultRetention, type Retention } from '../domain/retention';
import { knownElsewhere } from '../stores/elsewhere';
import type { StagingStore } from '../stores/staging';
import type { Batch } from '../domain/batch';
import { boundQuarantine, none, plus, type Swept } from './bound-quarantine';
import type { CleanActivities, PipelineCleaned } from './clean-contract';
import { withControl } from './control';
import { resolvedRuns } from './replay/resolved';
import type { Dependencies } from './dependencies';
import { stagedPipelines, stagedRuns, type StagedRun } from './staged-runs';

const day = 86_400_000;
/** A run that this Temporal does not know may be another server's: it is left alone until nothing of it was written for so long. */
const forgotten = 30 * day;
const mostNamed = 20;

export const createFindStaging = ({ staging, taskQueue }: Dependencies): CleanActivities['findStaging'] => async (input) => {
  const pipelines = await stagedPipelines(staging);
  return input?.staging === undefined ? { queue: `${taskQueue}.${staging.id}`, pipelines, elsewhere: await knownElsewhere(staging) } : { queue: taskQueue, pipelines };
};

/** Sweeps what ended runs of one pipeline left in staging; documents stay. A run that goes on, or may, keeps everything. */
export const createCleanPipeline = (dependencies: Dependencies): CleanActivities['cleanPipeline'] => async ({ pipeline, dryRun }) =>
  withControl(dependencies.reached, async (control) => {
    const { staging } = dependencies;
    const runs = await stagedRuns(staging, pipeline);
    // A replay has only the streams that it loads.
    const last = runs.filter(({ document }) => !document.run.replay).at(-1) ?? runs.at(-1);
    const retention = last?.document.spec.retention ?? defaultRetention;
    const notes: string[] = [];
    let staged = none;
    let uploads = 0;
    for (const run of runs) {
      const reason = await keptBecause(staging, run);
      if (reason) notes.push(`${run.folder}: ${reason}`);
      if (reason) continue;
      staged = plus(staged, await sweep(staging, run.folder, await keptBatches(staging, run, retention), dryRun));
      uploads += await staging.endUploads(`${run.folder}/`, { dryRun });
    }
    const quarantine = await boundQuarantine({ staging, pipeline, runs, resolved: await resolvedRuns(dependencies, control, runs), retention, dryRun });
    const dead = runs.filter((run) => run.life === 'ended' && run.endedAt === null && !run.settled);
    const cleaned: PipelineCleaned = {
      ...staged, uploads, quarantineFiles: quarantine.files, quarantineBytes: quarantine.bytes,
      unsettled: dead.map(({ folder }) => folder).slice(0, mostNamed), tables: await leftTables(dependencies, last, dryRun, notes), notes: notes.slice(0, mostNamed),
    };
    return cleaned;
  });

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
