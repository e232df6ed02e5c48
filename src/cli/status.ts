import pc from 'picocolors';
import type { Environment } from '../config/environment';
import { pathTime, runPath } from '../domain/ids';
import type { RunSummary } from '../domain/receipt';
import { balanceTable, remarks } from './balance-table';
import { findServer } from './connect';
import { checkSeries, seriesText } from './check-series';
import { silentText } from './fallen-silent';
import { allEndedOutside, endedOutside, leftBehind, type EndedOutside } from './ended-outside';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { openGaps } from './load-gaps';
import { openStore, withSession } from './open-store';
import { screenWidth } from './plain-table';
import { noPace } from './pace';
import { linesOf } from './progress-lines';
import { resolvedOf, resolvedText, type Resolved } from './quarantine/resolved';
import { readReceipts } from './receipts';
import { findRunning, type Running } from './running';
import { scheduleRemarks } from './schedule/remarks';
import type { Terminal } from './terminal';
import { nextSentence, waitsOf } from './waits';
import { watchRunning } from './watch-running';
import { wholeNumber } from './whole-number';
import { colouredState, grouped, spokenSeconds } from './words';
import { wrapped } from './wrapped';

/** Runs of a pipeline shown at most. */
const most = 10;

/** `status [PIPELINE|RUN]`: ended runs from their receipts, running ones by asking them; the first half needs no server. */
export async function status(word: string | undefined, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const [pipeline, run] = (word ?? '').split('/');
  const all = await readReceipts(environment, pipeline || undefined);
  const receipts = run === undefined ? latest(all, word !== undefined) : all.filter((receipt) => isRun(receipt, word!));
  const { running, outside, note } = await seenByServer(environment, word, receipts);
  const gaps = run === undefined || receipts.length > 0 ? openGaps(all) : [];
  const resolved = run === undefined ? [] : await resolvedRows(environment, receipts);
  terminal.event('status', { running, outside, receipts, gaps, ...(resolved.length > 0 && { quarantine: resolved }) });
  if (note) terminal.say(pc.dim(note));
  for (const one of running) tellRunning(one, terminal);
  for (const one of outside) terminal.say(`${one.run}  ${pc.yellow('ended from outside')}\n${wrapped(`${one.at.slice(0, 19).replace('T', ' ')} UTC: it ${one.how}; ${leftBehind}`, '  ')}`);
  if (run !== undefined) receipts.forEach((receipt) => tellReceipt(receipt, terminal));
  else tellList(receipts, terminal);
  for (const one of resolved) terminal.say(`- ${one.stream}: ${resolvedText(one)}`);
  tellGaps(gaps, terminal);
  const scheduled = run === undefined ? await scheduleRemarks(pipeline || undefined, environment) : [];
  for (const line of scheduled) terminal.say(line);
  if (running.length > 0 || outside.length > 0 || receipts.length > 0 || scheduled.length > 0) return exitCodes.success;
  terminal.say(word === undefined ? 'nothing has run yet; start a pipeline with "millrace run FILE"' : `nothing is known of "${word}"; "millrace status" lists what has run`);
  return word === undefined ? exitCodes.success : exitCodes.other;
}

/** `status PIPELINE --checks`: what each check said, run by run; from receipts alone. */
async function checksOf(word: string | undefined, runs: number, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const [pipeline, run] = (word ?? '').split('/');
  const all = await readReceipts(environment, pipeline || undefined);
  const receipts = run !== undefined ? all.filter((receipt) => isRun(receipt, word!)) : word === undefined ? latest(all, false) : all.filter((receipt) => !receipt.run.replay).slice(0, runs);
  const series = checkSeries(receipts);
  for (const points of series) {
    for (const point of points) terminal.event('check', { ...point });
    terminal.say(seriesText(points));
  }
  if (series.length > 0) return exitCodes.success;
  terminal.say(receipts.length > 0 ? `${word === undefined ? 'what has run' : `"${word}"`} has no checks; "millrace list checks" shows which there are` : `no run of "${word ?? 'any pipeline'}" has ended; "millrace status" lists what has run`);
  return receipts.length > 0 ? exitCodes.success : exitCodes.other;
}

/** What became of the rows that these runs rejected. */
async function resolvedRows(environment: Environment, receipts: readonly RunSummary[]): Promise<readonly Resolved[]> {
  const found: Resolved[] = [];
  for (const { run, streams } of receipts) {
    for (const { stream } of streams.filter(({ totals }) => totals.rejected > 0)) {
      const one = await withSession(environment, async (session) => resolvedOf(session, await openStore(environment, run.workflowId), run, stream));
      if (one) found.push(one);
    }
  }
  return found;
}

/** Named by its id, with or without a generation, in either way of writing the time. */
function isRun({ run }: RunSummary, word: string): boolean {
  const path = runPath(run);
  return word === run.workflowId || word === path || pathTime(word) === path || word === `${run.workflowId}~${run.generation}`;
}

/** Of one pipeline its last runs, of all pipelines the last run each. */
function latest(receipts: readonly RunSummary[], ofOne: boolean): readonly RunSummary[] {
  if (ofOne) return receipts.slice(0, most);
  return receipts.filter(({ run }, index) => receipts.findIndex((other) => other.run.pipeline === run.pipeline) === index);
}

interface Seen {
  readonly running: readonly Running[];
  /** Runs without a receipt, which Temporal ended. */
  readonly outside: readonly EndedOutside[];
  readonly note: string | null;
}

async function seenByServer(environment: Environment, word: string | undefined, receipts: readonly RunSummary[]): Promise<Seen> {
  const server = await findServer(environment).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  if (server === null || typeof server === 'string') return { running: [], outside: [], note: server };
  try {
    const running = await findRunning(server.client, word);
    const isKnown = ({ run, pipeline, at }: EndedOutside): boolean => running.some(({ runId }) => runId === run) || receipts.some((receipt) => receipt.run.pipeline === pipeline && (receipt.run.workflowId === run || receipt.finishedAt > at));
    const outside = word?.includes('/') ? [await endedOutside(server.client, word)] : await allEndedOutside(server.client, word, most);
    return { note: null, running, outside: outside.filter((one): one is EndedOutside => one !== null && !isKnown(one)) };
  } finally {
    await server.close();
  }
}

function tellRunning({ runId, figures, missing }: Running, terminal: Terminal): void {
  terminal.say(`${runId}  ${figures ? colouredState(figures.state) : pc.yellow('no worker answers')}`);
  if (missing) terminal.say(wrapped(missing, '  '));
  for (const stream of figures?.streams ?? []) {
    for (const line of linesOf(stream, noPace, { width: screenWidth(), lead: '  ' })) terminal.say(line);
    if (stream.message) terminal.say(wrapped(stream.message, '    '));
    if (stream.silent) terminal.say(wrapped(silentText(stream.silent), '    '));
  }
  if (figures?.message) terminal.say(wrapped(figures.message, '  '));
  const waits = figures && waitsOf(figures, runId);
  const next = waits && nextSentence(waits);
  // A pause tells it itself.
  if (next && !figures?.message?.includes(waits.next[0]!)) terminal.say(wrapped(next, '  '));
}

function tellReceipt(receipt: RunSummary, terminal: Terminal): void {
  terminal.say(`${receipt.run.workflowId}  ${colouredState(receipt.state)}\n${timeText(receipt)}\n\n${balanceTable(receipt)}`);
  for (const line of remarks(receipt)) terminal.say(`- ${line}`);
}

const timeText = ({ run: { startedAt }, finishedAt }: RunSummary): string =>
  `${startedAt.slice(0, 19).replace('T', ' ')} UTC, took ${spokenSeconds(Math.max(0, (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000))}`;

function tellList(receipts: readonly RunSummary[], terminal: Terminal): void {
  for (const { run, state, totals } of receipts) {
    const generation = run.generation > 1 ? `~${run.generation}` : '';
    terminal.say(`${run.workflowId}${generation}  ${colouredState(state)}  ${sumText(totals)}`);
  }
}

/** `read 12, loaded 10, rejected 0, deduplicated 2`: every term that is not 0, so that the line adds up. */
const sumText = (totals: RunSummary['totals']): string => [
  `read ${grouped(totals.read)}`,
  ...(totals.created > 0 ? [`created ${grouped(totals.created)}`] : []),
  `loaded ${grouped(totals.loaded)}`, `rejected ${grouped(totals.rejected)}`,
  ...(['filtered', 'deduplicated', 'aggregated'] as const).flatMap((term) => (totals[term] > 0 ? [`${term} ${grouped(totals[term])}`] : [])),
].join(', ');

/** What was skipped and is not in the destination, with the way to load it. */
function tellGaps(found: ReturnType<typeof openGaps>, terminal: Terminal): void {
  for (const { pipeline, stream, gaps } of found) {
    terminal.say(pc.yellow(`gap in ${pipeline}, ${stream}: left out, and not loaded since; load it with "millrace retry ${pipeline} ${stream} --gaps"`));
    for (const { label, estimatedRows, by, reason, at } of gaps) {
      const rows = estimatedRows === null ? '' : `, about ${grouped(estimatedRows)} rows`;
      terminal.say(wrapped(`${label}${rows}: skipped ${at.slice(0, 10)}${by ? ` by ${by}` : ''}: ${reason}`, '- '));
    }
  }
}

interface StatusFlags {
  readonly watch?: boolean;
  readonly checks?: boolean;
  readonly runs: number;
}

export const addStatus: AddCommand = ({ command, does }) => command('status', 'Show what runs and what has run', 'millrace status orders\n  millrace status orders --watch\n  millrace status orders --checks')
  .argument('[pipeline|run]', 'name of a pipeline, or id of a run')
  .option('--watch', 'show the progress of what runs until it has ended')
  .option('--checks', 'what each check said in the last runs: verdict, failing rows, what was observed and expected')
  .option('--runs <count>', 'with --checks: runs to look back at', wholeNumber(10_000), most)
  .action(does(async ({ environment, terminal }, word: string | undefined, { watch, checks, runs }: StatusFlags) => {
    if (checks) return checksOf(word, runs, environment, terminal);
    if (watch) await watchRunning(word, environment, terminal);
    return status(word, environment, terminal);
  }));
