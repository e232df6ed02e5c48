import { batchPath, runPath, slug, type RunRef } from '../../domain/ids';
import type { LedgerEntry } from '../../domain/ledger';
import type { Plan } from '../../domain/plan';
import type { StagingStore } from '../../stores/staging';
import { openArtefacts, type RunDocument } from '../artefacts';
import { movedPartitions } from '../references';
import { quarantineFolder } from './quarantined';

/** A run and the replays of what it rejected, oldest first. */
export interface Family {
  readonly original: RunDocument;
  readonly replays: readonly RunDocument[];
}

/** Path of the run that a run's rejected rows came from first. */
export const originOf = (run: RunRef): string => run.replay?.of ?? runPath(run);

/** @param origin path of the original run. Null: staging knows nothing of it. */
export async function familyOf(staging: StagingStore, origin: string): Promise<Family | null> {
  const read = async (path: string): Promise<RunDocument | null> => {
    const text = await staging.read(`${path}/run.json`);
    return text === null ? null : (JSON.parse(text) as RunDocument);
  };
  const original = await read(origin);
  if (!original) return null;
  const folders = (await staging.list(slug(original.run.pipeline))).map((key) => key.replace(/^\/|\/$/g, '')).filter((key) => key.startsWith(`${origin}.replay-`));
  const replays = (await Promise.all(folders.map(read))).filter((document) => document !== null);
  return { original, replays: replays.sort(({ run: left }, { run: right }) => left.replay!.number - right.replay!.number || left.generation - right.generation) };
}

export const membersOf = ({ original, replays }: Family): readonly RunDocument[] => [original, ...replays];

/** Where it is noted that a replay published although its own record of that is missing: its worker died in between, and it was ended. */
const foundKey = (run: RunRef, stream: string): string => `${quarantineFolder(run, stream)}/found-published.json`;

/** Whether a stream of a run was published, as staging knows. */
export const isPublished = async (staging: StagingStore, run: RunRef, stream: string): Promise<boolean> =>
  (await openArtefacts(staging).published.find(run, stream)) !== null || (await staging.read(foundKey(run, stream))) !== null;

type AskLedger = (batchIds: readonly string[]) => Promise<readonly LedgerEntry[]>;

/**
 * Asks the ledger where staging knows of no publish. Called under the claim: whatever an earlier replay has not published by now it
 * never will.
 */
export async function wasPublished(staging: StagingStore, run: RunRef, plan: Plan, ask: AskLedger): Promise<boolean> {
  if (await isPublished(staging, run, plan.stream)) return true;
  const entries = await ask(await batchIdsOf(staging, run, plan));
  if (!entries.some(({ state }) => state === 'published')) return false;
  await staging.putIfAbsent(foundKey(run, plan.stream), JSON.stringify({ at: new Date().toISOString() }));
  return true;
}

async function batchIdsOf(staging: StagingStore, run: RunRef, plan: Plan): Promise<readonly string[]> {
  if (plan.wholeStream) return [batchPath(run, plan.stream, 'all')];
  return (await movedPartitions(openArtefacts(staging), run, plan.stream, plan)).map(({ ordinal, generation }) => batchPath(run, plan.stream, ordinal, generation));
}
