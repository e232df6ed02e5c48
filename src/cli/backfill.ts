import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { Option } from 'commander';
import { forBackfill } from '../config/backfill-rules';
import { connectionsFileOf } from '../config/connections';
import { durationOf } from '../config/duration';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { backfillIdOf, rangeOf, windowsBetween, type BackfillSummary, type BackfillWindow } from '../domain/backfill';
import { ConfigurationError, EtlError } from '../domain/errors';
import type { PipelineSpec } from '../domain/pipeline';
import { wholeSeconds } from '../domain/schedule';
import type { BackfillInput, BackfillProgress, RunPipelineInput } from '../workflows/messages';
import { needServer, type Server } from './connect';
import type { AddCommand } from './door';
import { exitCodeOfArea, exitCodeOfSummary, exitCodes, type ExitCode } from './exit-codes';
import { ask } from './follow';
import { logicalDateOf } from './logical-date';
import { outcomeOfCause } from './outcome';
import { offerSearchAttributes } from './search-attributes';
import type { Terminal } from './terminal';
import { watchRun } from './watch-run';
import { grouped, plural } from './words';

class BackfillRunningError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

export interface BackfillFlags {
  readonly from: string;
  readonly to: string;
  readonly every?: string;
  readonly stream?: readonly string[];
  readonly detach?: boolean;
}

/** Windows of one command at most: each is a run with a receipt. */
const most = 10_000;

/** `backfill FILE`: a past range again, window by window, without moving the checkpoint. */
export async function backfill(file: string, flags: BackfillFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const windows = windowsOf(flags);
  const spec = forBackfill(await loadPipeline(file), flags.stream ?? [], windows);
  const server = await needServer(environment);
  try {
    return await startBackfill({ spec, windows, connectionsFile: connectionsFileOf(file) }, { file, detach: flags.detach === true, environment, terminal, server });
  } finally {
    await server.close();
  }
}

/** From `--from` in steps of `--every`; the last one ends at `--to`. */
export function windowsOf({ from, to, every }: BackfillFlags): readonly BackfillWindow[] {
  const [first, last] = [logicalDateOf(from, undefined, '--from'), logicalDateOf(to, undefined, '--to')];
  if (first >= last) throw new ConfigurationError(`reading --from "${from}" and --to "${to}": the range is empty; --to must be later`);
  if (every === undefined) return [{ from: first, to: last }];
  const step = durationOf(every);
  if (step === null || step < 1000 || step % 1000 !== 0) throw new ConfigurationError(`reading --every "${every}": write a duration of whole seconds, such as "1 day" or "6 hours"`);
  const [start, end] = [Date.parse(first), Date.parse(last)];
  const count = Math.ceil((end - start) / step);
  if (count > most) throw new ConfigurationError(`reading --every "${every}": that makes ${count} windows, ${most} are the most; choose longer ones or a shorter range`);
  return windowsBetween([...Array.from({ length: count }, (_, index) => wholeSeconds(new Date(start + index * step))), last]);
}

export interface StartOptions {
  readonly file: string;
  readonly detach: boolean;
  readonly environment: Environment;
  readonly terminal: Terminal;
  readonly server: Server;
}

/** One window is a run like others; several are runs below one workflow. */
export async function startBackfill(given: BackfillInput, options: StartOptions): Promise<ExitCode> {
  const { spec, windows } = given;
  const { environment: { taskQueue }, terminal, server, file } = options;
  const input = { ...given, ...await offerSearchAttributes(server.client, terminal) };
  const workflowId = backfillIdOf(spec.pipeline, rangeOf(windows));
  const single = windows.length === 1;
  const handle = await start(server.client, single ? 'runPipeline' : 'backfillPipeline', workflowId, taskQueue, single ? runInput(input, windows[0]!) : input, spec);
  terminal.event('started', { run: workflowId, windows: windows.length });
  terminal.say(`backfill ${workflowId} started: ${plural(windows.length, 'window')}${windows.length > 1 ? ', one after another' : ''}; the checkpoint stays`);
  if (options.detach) return exitCodes.success;
  if (!single) return watchWindows(handle, server.client, terminal);
  const ended = await watchRun({ runId: workflowId, handle, file, taskQueue, server, terminal });
  return ended === 'busy' ? exitCodes.other : ended;
}

const runInput = ({ spec, connectionsFile, searchAttributes }: BackfillInput, window: BackfillWindow): RunPipelineInput =>
  ({ spec, connectionsFile, logicalDate: window.to, backfill: window, whenHeld: 'queue', allowDestructive: false, ...(searchAttributes && { searchAttributes }) });

async function start(client: Client, type: string, workflowId: string, taskQueue: string, input: BackfillInput | RunPipelineInput, { pipeline }: PipelineSpec): Promise<WorkflowHandle> {
  try {
    return await client.workflow.start(type, { workflowId, taskQueue, args: [input], staticSummary: `backfill ${pipeline}` });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new BackfillRunningError(`backfilling "${pipeline}": "${workflowId}" is going on already; see "millrace status ${pipeline}", end it with "millrace cancel ${workflowId}"`, { run: workflowId });
  }
}

const lookEvery = 700;

async function watchWindows(handle: WorkflowHandle, client: Client, terminal: Terminal): Promise<ExitCode> {
  const stop = new AbortController();
  const told = tellWindows(handle.workflowId, client, terminal, stop.signal);
  try {
    const summary = (await handle.result()) as BackfillSummary;
    terminal.event('summary', { summary });
    terminal.say(`${plural(summary.done, 'window')}: read ${grouped(summary.read)}, loaded ${grouped(summary.loaded)}, rejected ${grouped(summary.rejected)}`);
    return summary.rejected > 0 ? exitCodes.rejects : exitCodes.success;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const message = error.cause instanceof Error ? error.cause.message : String(error.cause);
    const outcome = outcomeOfCause(error.cause);
    terminal.event('error', { run: handle.workflowId, message });
    terminal.say(`backfill ${handle.workflowId}: ${message}`);
    return error.cause?.name === 'CancelledFailure' ? exitCodes.cancelled : outcome.kind === 'summary' ? exitCodeOfSummary(outcome.summary) : outcome.kind === 'failed' ? exitCodeOfArea(outcome.area) : exitCodes.other;
  } finally {
    stop.abort();
    await told;
  }
}

/** A line for each window that starts. */
async function tellWindows(workflowId: string, client: Client, terminal: Terminal, stop: AbortSignal): Promise<void> {
  let last: string | null = null;
  while (!stop.aborted) {
    const progress = await ask<BackfillProgress>(client, workflowId, 'backfillProgress');
    if (progress?.current && progress.current !== last) {
      terminal.event('window', { ...progress });
      terminal.say(`${progress.done + 1} of ${progress.windows}  ${progress.current}`);
      last = progress.current;
    }
    await sleep(lookEvery, undefined, { signal: stop }).catch(() => undefined);
  }
}

export const streamOption = (): Option => new Option('--stream <name...>', 'these streams only');

export const addBackfill: AddCommand = ({ command, does }) => command('backfill', 'Load a past range again, window by window; the checkpoint stays', 'millrace backfill pipelines/orders.yaml --from 2026-08-01 --to 2026-08-08 --every "1 day"')
  .argument('<file>', 'pipeline file')
  .requiredOption('--from <instant>', 'start of the range: a date (midnight UTC) or an instant')
  .requiredOption('--to <instant>', 'end of the range, exclusive')
  .option('--every <duration>', 'length of a window (default: the whole range)')
  .addOption(streamOption())
  .option('--detach', 'start it and do not watch it')
  .action(does(({ environment, terminal }, file: string, flags: BackfillFlags) => backfill(file, flags, environment, terminal)));
