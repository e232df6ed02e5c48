import { familyOf, isPublished, originOf, type Family } from '../../activities/replay/family';
import type { Environment } from '../../config/environment';
import { unknownWord } from '../../config/problems';
import { ConfigurationError } from '../../domain/errors';
import { runPath, type RunRef } from '../../domain/ids';
import type { ReplaySelection } from '../../domain/replay';
import { selected } from '../../stores/quarantine-entries';
import type { StoredRun } from '../../stores/runs';
import type { StagingStore } from '../../stores/staging';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { Door } from '../door';
import { findOneStored, findStored, openStore, withSession } from '../open-store';

export interface FilterFlags {
  readonly reason?: string;
  readonly step?: string;
  readonly column?: string;
}
export const filterOf = ({ reason, step, column }: FilterFlags): Pick<ReplaySelection, 'reason' | 'step' | 'column'> => ({ reason: reason ?? null, step: step ?? null, column: column ?? null });
export const isFiltered = (flags: FilterFlags): boolean => Object.values(filterOf(flags)).some((text) => text !== null);

export const filtered = (added: ReturnType<Door['command']>): ReturnType<Door['command']> => added
  .option('--reason <text>', 'only rows with a reason that contains it')
  .option('--step <text>', 'only rows that this step or check set aside')
  .option('--column <name>', 'only rows with a reason that names this column');

export const runName = ({ workflowId, generation }: Pick<RunRef, 'workflowId' | 'generation'>): string => `${workflowId}${generation > 1 ? `~${generation}` : ''}`;

/** A run whose quarantine a person named, with the run it came from first and the replays of that. */
export interface Opened {
  readonly staging: StagingStore;
  readonly stored: StoredRun;
  readonly family: Family;
  /** Those named, else all of the run. */
  readonly streams: readonly string[];
  /** Path of the named run where it is a replay; null: the original and all its replays are meant. */
  readonly from: string | null;
}

export async function openNamed(word: string, only: string | undefined, doing: string, environment: Environment): Promise<Opened> {
  const staging = await openStore(environment, word);
  const stored = await newestRun(staging, word);
  const names = stored.spec.streams.map(({ stream }) => stream);
  if (only !== undefined && !names.includes(only)) throw new ConfigurationError(`${doing} "${word}": ${unknownWord('stream', only, names)}`);
  const family = (await familyOf(staging, originOf(stored.run)))!;
  return { staging, stored, family, streams: only === undefined ? names : [only], from: stored.run.replay ? runPath(stored.run) : null };
}

/** A pipeline's name stands for its newest run that is no replay. */
async function newestRun(staging: StagingStore, word: string): Promise<StoredRun> {
  const found = await findOneStored(staging, word);
  if (word.includes('/') || !found.run.replay) return found;
  return (await findStored(staging, word)).find(({ run }) => !run.replay) ?? found;
}

/** Of a run that ended without publishing a stream the next run reads the rows again; loaded from here as well they would be there twice, and what is mended here would be mended for nothing. */
export async function refuseUnpublished({ staging, family: { original } }: Opened, streams: readonly string[], doing: string): Promise<void> {
  if ((await staging.read(`${runPath(original.run)}/receipt.json`)) === null) return;
  for (const stream of streams) {
    if (!(await isPublished(staging, original.run, stream))) throw new ConfigurationError(`${doing} rows of "${runName(original.run)}": it never published stream "${stream}", so the next run reads its rows again; run the pipeline`);
  }
}

/** Condition over `entries e` for what a person chose. */
export const chosenSql = ({ from }: Pick<Opened, 'from'>, flags: FilterFlags): string =>
  `${from === null ? 'true' : `e.run = ${quoteLiteral(from)}`} AND ${selected(filterOf(flags))}`;

/** `0007:12` as SQL over an entry. */
export const entryName = "e.place || ':' || e.row";

/** One session for each stream, since views have names of their own. */
export async function eachStream(environment: Environment, streams: readonly string[], work: (session: Session, stream: string) => Promise<void>): Promise<void> {
  for (const stream of streams) await withSession(environment, (session) => work(session, stream));
}
