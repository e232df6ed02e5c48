import type { Control } from '../../domain/control';
import type { Dependencies } from '../dependencies';
import type { StagedRun } from '../staged-runs';
import { familyOf, originOf } from './family';
import { resolutionsOf, type Resolution } from './resolution';

/** How long a quarantine stays after the last of its rows was replayed or discarded: people still ask. */
const grace = 86_400_000;

/** Folders of runs whose rejected rows, and those of all their replays, are replayed or discarded. Families are removed as a whole: their entries name each other. */
export async function resolvedRuns({ staging, engine }: Dependencies, control: Control, runs: readonly StagedRun[]): Promise<ReadonlySet<string>> {
  const resolved = new Set<string>();
  for (const origin of new Set(runs.filter(({ document }) => document.run.replay).map(({ document }) => originOf(document.run)))) {
    const members = runs.filter(({ document }) => originOf(document.run) === origin);
    if (members.some(({ endedAt }) => endedAt === null || Date.now() - endedAt < grace)) continue;
    const family = await familyOf(staging, origin);
    if (!family) continue;
    const found: Resolution[] = [];
    for (const { stream } of family.original.spec.streams) found.push(...await engine.session(control.signal, (session) => resolutionsOf(session, staging, family, stream)));
    if (found.length > 0 && found.every(({ open }) => open === 0)) for (const { folder } of members) resolved.add(folder);
  }
  return resolved;
}
