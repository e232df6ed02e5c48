import pc from 'picocolors';
import { stateOfEntry } from '../../activities/replay/marks';
import { quarantinedFiles } from '../../activities/replay/quarantined';
import type { Environment } from '../../config/environment';
import { groupQuarantine, groupsIn, type QuarantineGroup } from '../../stores/quarantine';
import { runPath } from '../../domain/ids';
import type { StoredRun } from '../../stores/runs';
import type { StagingStore } from '../../stores/staging';
import { quoteLiteral } from '../../transforms/quote';
import { exitCodes, type ExitCode } from '../exit-codes';
import { findStored, openStore, openStores, withSession } from '../open-store';
import { plainTable } from '../plain-table';
import type { Terminal } from '../terminal';
import { grouped } from '../words';
import { filterOf, isFiltered, runName, type FilterFlags } from './common';
import { resolvedOf, resolvedText, type Resolved } from './resolved';

/** Runs listed where none is named. */
const mostRuns = 20;

interface Listed {
  readonly run: string;
  readonly stream: string;
  readonly groups: readonly QuarantineGroup[];
  readonly resolution: Resolved | null;
}

async function newestIn(stores: readonly StagingStore[], word: string | undefined): Promise<readonly (StoredRun & { readonly staging: StagingStore })[]> {
  const runs = await Promise.all(stores.map(async (staging) => (await findStored(staging, word)).map((stored) => ({ ...stored, staging }))));
  return runs.flat().sort((left, right) => right.run.startedAt.localeCompare(left.run.startedAt)).slice(0, mostRuns);
}

/** `quarantine list`: how many rows were set aside, by run, stream, step and reason, and what became of them. */
export async function quarantineList(word: string | undefined, flags: FilterFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const found: Listed[] = [];
  for (const { staging, run, spec } of await newestIn(word === undefined ? await openStores(environment) : [await openStore(environment, word)], word)) {
    for (const { stream } of spec.streams) {
      const files = await quarantinedFiles(staging, run, stream);
      if (files.length === 0) continue;
      await withSession(environment, async (session) => {
        const resolution = await resolvedOf(session, staging, run, stream);
        const groups = resolution === null ? await groupQuarantine(session, staging, files.map(({ file }) => file), filterOf(flags))
          : await groupsIn(session, `SELECT e.step, e.reasons, ${stateOfEntry} AS state FROM entries e WHERE e.run = ${quoteLiteral(runPath(run))}`, filterOf(flags), true);
        if (groups.length > 0) found.push({ run: runName(run), stream, groups, resolution });
      });
    }
  }
  terminal.event('quarantine', { runs: found });
  for (const one of found) tell(one, terminal);
  terminal.say(found.length === 0 ? `no row is in quarantine${word === undefined ? '' : ` of "${word}"`}${isFiltered(flags) ? ' that fits the filter' : ''}` : `\nsee the rows with "millrace quarantine show ${found[0]!.run}"`);
  return exitCodes.success;
}

function tell({ run, stream, groups, resolution }: Listed, terminal: Terminal): void {
  terminal.say(`${pc.bold(run)}  ${stream}`);
  if (resolution) terminal.say(`  ${resolvedText(resolution)}`);
  terminal.say(plainTable({ head: ['step', 'column', 'reason', 'rows', 'open'], right: [3, 4], indent: '  ', rows: groups.map(({ step, column, reason, rows, open }) => [step, column ?? '', reason, grouped(rows), open === undefined ? '' : grouped(open)]) }));
}
