import pc from 'picocolors';
import type { Environment } from '../config/environment';
import { unknownWord } from '../config/problems';
import type { QuarantineFile } from '../domain/batch';
import { positionsPerPartition } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { runPath } from '../domain/ids';
import { groupQuarantine, readQuarantine, type QuarantineEntry, type QuarantineFilter, type QuarantineGroup } from '../stores/quarantine';
import type { StoredRun } from '../stores/runs';
import type { StagingStore } from '../stores/staging';
import type { AddCommand, Door } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { findOneStored, findStored, openStore, withSession } from './open-store';
import { plainTable, wrapped, screenWidth } from './plain-table';
import { storedBatches, storedRefusals } from './stored-batches';
import type { Terminal } from './terminal';
import { wholeNumber } from './whole-number';
import { fitted, grouped, plural } from './words';

/** Runs listed where none is named. */
const mostRuns = 20;

interface ListFlags {
  readonly reason?: string;
  readonly step?: string;
  readonly column?: string;
}

const filterOf = ({ reason, step, column }: ListFlags): QuarantineFilter => ({ reason: reason ?? null, step: step ?? null, column: column ?? null });

/** `quarantine list`: how many rows were set aside, by run, stream, step and reason. */
export async function quarantineList(word: string | undefined, flags: ListFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const staging = await openStore(environment);
  const runs = (await findStored(staging, word)).slice(0, mostRuns);
  const found: { readonly run: string; readonly stream: string; readonly groups: readonly QuarantineGroup[] }[] = [];
  await withSession(environment, async (session) => {
    for (const stored of runs) {
      for (const { stream } of stored.spec.streams) {
        const groups = await groupQuarantine(session, staging, await filesOf(staging, stored, stream), filterOf(flags));
        if (groups.length > 0) found.push({ run: runName(stored), stream, groups });
      }
    }
  });
  terminal.event('quarantine', { runs: found });
  for (const { run, stream, groups } of found) {
    terminal.say(`${pc.bold(run)}  ${stream}`);
    terminal.say(plainTable({ head: ['step', 'column', 'reason', 'rows'], right: [3], indent: '  ', rows: groups.map(({ step, column, reason, rows }) => [step, column ?? '', reason, grouped(rows)]) }));
  }
  terminal.say(found.length === 0 ? `no row is in quarantine${word === undefined ? '' : ` of "${word}"`}${Object.values(flags).some((flag) => typeof flag === 'string') ? ' that fits the filter' : ''}` : `\nsee the rows with "millrace quarantine show ${found[0]!.run}"`);
  return exitCodes.success;
}

/** `quarantine show RUN [STREAM]`: the rows themselves, with all their reasons and where they came from. */
export async function quarantineShow(word: string, only: string | undefined, flags: ListFlags & { readonly limit: number }, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const staging = await openStore(environment);
  const stored = await findOneStored(staging, word);
  const names = stored.spec.streams.map(({ stream }) => stream);
  if (only !== undefined && !names.includes(only)) throw new ConfigurationError(`showing the quarantine of "${word}": ${unknownWord('stream', only, names)}`);
  let shown = 0;
  let total = 0;
  await withSession(environment, async (session) => {
    for (const stream of only === undefined ? names : [only]) {
      const files = await filesOf(staging, stored, stream);
      const rows = files.reduce((sum, file) => sum + file.rows, 0);
      total += rows;
      const entries = await readQuarantine(session, staging, files, filterOf(flags), Math.max(0, flags.limit - shown));
      shown += entries.length;
      if (entries.length > 0) terminal.say(`${pc.bold(stream)}  ${pc.dim(plural(rows, 'row'))}`);
      for (const entry of entries) {
        terminal.event('rejected', { run: runName(stored), stream, ...entry });
        terminal.say(entryText(entry));
      }
    }
  });
  terminal.say(shown === 0 ? `run ${runName(stored)} has no ${total === 0 ? '' : 'such '}row in quarantine` : shown < total ? `\n${grouped(shown)} of ${plural(total, 'row')}; more with --limit, fewer with --reason, --step or --column` : '');
  return exitCodes.success;
}

const runName = ({ run }: StoredRun): string => `${run.workflowId}${run.generation > 1 ? `~${run.generation}` : ''}`;

/** None where the janitor has removed them: they were older, or more, than "quarantine" allows. */
const filesOf = async (staging: StagingStore, stored: StoredRun, stream: string): Promise<readonly QuarantineFile[]> =>
  ((await staging.read(`quarantine/${runPath(stored.run)}/removed.json`)) === null
    ? [...(await storedBatches(staging, stored, stream)).flatMap(({ quarantine }) => quarantine), ...await storedRefusals(staging, stored, stream)] : []);

function entryText({ position, step, reasons, raw, origin, line }: QuarantineEntry): string {
  const at = BigInt(position);
  const partition = at / BigInt(positionsPerPartition);
  const place = line !== null ? `line ${grouped(Number(line))}` : `row ${grouped(Number(at % BigInt(positionsPerPartition)) + 1)}${partition > 0n ? ` of partition ${partition}` : ''}`;
  const said = reasons.map(({ column, reason }) => (column ? `${column} ${reason}` : reason)).join('; ');
  return [
    ...wrapped(`${place}${origin === null ? '' : `, ${origin}`}  [${step}]  ${said}`, screenWidth() - 4).map((part, index) => `  ${index === 0 ? pc.yellow(part) : `  ${pc.yellow(part)}`}`),
    ...rawLines(raw).map((part) => `    ${pc.dim(part)}`),
  ].join('\n');
}

/** A record's text may be long; its head tells. */
function rawLines(raw: string): readonly string[] {
  const width = screenWidth() - 4;
  const text = raw.replace(/\s/g, ' ');
  const lines = Array.from({ length: Math.min(3, Math.ceil(text.length / width)) }, (_unused, index) => text.slice(index * width, (index + 1) * width));
  return text.length > 3 * width ? [...lines.slice(0, 2), fitted(text.slice(2 * width), width)] : lines;
}

export const addQuarantine: AddCommand = ({ group }) => {
  const { command, does } = group('quarantine', 'Show rows that were set aside, with reasons');
  const filtered = (added: ReturnType<Door['command']>) => added
    .option('--reason <text>', 'only rows with a reason that contains it')
    .option('--step <text>', 'only rows that this step or check set aside')
    .option('--column <name>', 'only rows with a reason that names this column');
  filtered(command('list', 'Count them by run, stream, step and reason', 'millrace quarantine list orders --column total')
    .argument('[run|pipeline]', 'id of a run, or name of a pipeline; without it, the newest runs of all'))
    .action(does(({ environment, terminal }, word: string | undefined, flags: ListFlags) => quarantineList(word, flags, environment, terminal)));
  filtered(command('show', 'Show the rows of a run: reasons, record, place in the source', 'millrace quarantine show orders/run-2026-08-01T00:00:00Z --limit 5')
    .argument('<run>', 'id of a run, or name of a pipeline for its newest')
    .argument('[stream]', 'only this stream'))
    .option('--limit <rows>', 'rows to show', wholeNumber(100_000), 20)
    .action(does(({ environment, terminal }, word: string, stream: string | undefined, flags: ListFlags & { readonly limit: number }) => quarantineShow(word, stream, flags, environment, terminal)));
};

