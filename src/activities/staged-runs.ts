import { isRunFolder, slug } from '../domain/ids';
import type { RunSummary } from '../domain/receipt';
import type { StagingStore } from '../stores/staging';
import type { RunDocument } from './artefacts';
import { livenessOf, type Liveness } from './run-liveness';

/** A run that has a folder in staging. */
export interface StagedRun {
  /** `crm_sales/run-20260801T000000Z~2` */
  readonly folder: string;
  readonly document: RunDocument;
  /** Null: it has none, since it goes on or was ended from outside. */
  readonly endedAt: number | null;
  readonly life: Liveness;
  /** Settled in the destination by an earlier visit. */
  readonly settled: boolean;
}

export const settledKey = (folder: string): string => `${folder}/settled.json`;

/** Pipelines by the names in their runs' documents: a folder is only a slug. */
export async function stagedPipelines(staging: StagingStore): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const folder of await foldersIn(staging, '')) {
    const runs = (await foldersIn(staging, folder)).filter((run) => isRunFolder(run));
    const document = runs.length > 0 ? await documentOf(staging, `${folder}/${runs.at(-1)!}`) : null;
    if (document) names.add(document.run.pipeline);
  }
  return [...names].sort();
}

/** Runs of a pipeline in the order they started. A receipt says that a run has ended; else Temporal is asked. */
export async function stagedRuns(staging: StagingStore, pipeline: string): Promise<readonly StagedRun[]> {
  const found: StagedRun[] = [];
  for (const name of (await foldersIn(staging, slug(pipeline))).filter(isRunFolder)) {
    const folder = `${slug(pipeline)}/${name}`;
    const document = await documentOf(staging, folder);
    if (!document) continue;
    const receipt = await staging.read(`${folder}/receipt.json`);
    found.push({
      folder, document,
      endedAt: receipt === null ? null : Date.parse((JSON.parse(receipt) as RunSummary).finishedAt),
      life: receipt === null ? await livenessOf(document.run) : 'ended',
      settled: (await staging.read(settledKey(folder))) !== null,
    });
  }
  return found.sort((left, right) => (left.document.run.startedAt < right.document.run.startedAt ? -1 : 1));
}

async function documentOf(staging: StagingStore, folder: string): Promise<RunDocument | null> {
  const text = await staging.read(`${folder}/run.json`);
  return text === null ? null : (JSON.parse(text) as RunDocument);
}

const foldersIn = async (staging: StagingStore, prefix: string): Promise<readonly string[]> =>
  (await staging.list(prefix)).filter((key) => key.endsWith('/')).map((key) => key.slice(0, -1).split('/').at(-1)!);
