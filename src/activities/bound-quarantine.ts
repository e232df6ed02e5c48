import { slug } from '../domain/ids';
import type { Retention } from '../domain/retention';
import type { StagedEntry, StagingStore } from '../stores/staging';
import type { StagedRun } from './staged-runs';

export interface Swept {
  readonly files: number;
  readonly bytes: number;
}
export const none: Swept = { files: 0, bytes: 0 };
export const plus = (left: Swept, right: Swept): Swept => ({ files: left.files + right.files, bytes: left.bytes + right.bytes });

interface QuarantineBounds {
  readonly staging: StagingStore;
  readonly pipeline: string;
  readonly runs: readonly StagedRun[];
  /** Folders of runs all of whose rejected rows, and those of their replays, are replayed or discarded. */
  readonly resolved: ReadonlySet<string>;
  readonly retention: Retention;
  readonly dryRun: boolean;
}

/** A run and its replays: a replay's list of what it loaded is what keeps an entry of the others from being loaded again. */
interface Family {
  readonly folders: Set<string>;
  readonly files: StagedEntry[];
}

const originOf = (folder: string): string => folder.replace(/\.replay-\d+(~\d+)?$/, '');

/**
 * Rejected rows that are resolved, those older than `quarantine.keep`, then those of the oldest runs until `quarantine.max` is kept. A run goes
 * with its replays or not at all.
 */
export async function boundQuarantine({ staging, pipeline, runs, resolved, retention: { quarantine }, dryRun }: QuarantineBounds): Promise<Swept> {
  const alive = new Set(runs.filter(({ life }) => life === 'alive').map(({ folder }) => originOf(folder)));
  const oldestFirst = [...await familiesIn(staging, pipeline, alive)].map((family) => ({ ...family, age: ageOf(family, runs) })).sort((left, right) => right.age - left.age);
  let held = oldestFirst.flatMap(({ files }) => files).reduce((sum, { bytes }) => sum + bytes, 0);
  let swept = none;
  for (const { folders, files, age } of oldestFirst) {
    const why = [...folders].every((folder) => resolved.has(folder)) ? 'resolved' : age > quarantine.keep ? 'quarantine.keep' : quarantine.max !== null && held > quarantine.max ? 'quarantine.max' : null;
    if (!why) continue;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    held -= bytes;
    swept = plus(swept, { files: files.length, bytes });
    if (dryRun) continue;
    // The original first, then its replays in order: what a replay loaded must not look open while its list is gone.
    for (const folder of inOrder(folders)) await staging.putIfAbsent(`quarantine/${folder}/removed.json`, JSON.stringify({ at: new Date().toISOString(), why, files: files.length, bytes }));
    await staging.remove(files.map(({ key }) => key));
  }
  return swept;
}

async function familiesIn(staging: StagingStore, pipeline: string, alive: ReadonlySet<string>): Promise<readonly Family[]> {
  const families = new Map<string, Family>();
  for await (const entry of staging.walk(`quarantine/${slug(pipeline)}/`)) {
    const folder = entry.key.split('/').slice(1, 3).join('/');
    const origin = originOf(folder);
    if (entry.key.endsWith('.json') || alive.has(origin)) continue;
    const family = families.get(origin) ?? { folders: new Set(), files: [] };
    family.folders.add(folder);
    family.files.push(entry);
    families.set(origin, family);
  }
  return [...families.values()];
}

/** Since the last of them ended; of one that has no receipt, since its last file. */
function ageOf({ folders, files }: Family, runs: readonly StagedRun[]): number {
  const ended = new Map(runs.map((run) => [run.folder, run.endedAt]));
  return Date.now() - Math.max(...[...folders].map((folder) => ended.get(folder) ?? Math.max(...files.filter(({ key }) => key.startsWith(`quarantine/${folder}/`)).map(({ modifiedAt }) => modifiedAt))));
}

const numberOf = (folder: string): number => Number(/\.replay-(\d+)/.exec(folder)?.[1] ?? 0);
const inOrder = (folders: ReadonlySet<string>): readonly string[] => [...folders].sort((left, right) => numberOf(left) - numberOf(right) || left.localeCompare(right));
