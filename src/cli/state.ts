import { hostname, userInfo } from 'node:os';
import pc from 'picocolors';
import type { ChangeStateInput, ReadStateInput, StreamState } from '../activities/seeing-contract';
import { connectionsFileOf } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { EtlError } from '../domain/errors';
import type { PipelineSpec } from '../domain/pipeline';
import { answerError, askWorker } from './ask-worker';
import { needServer, serverForRun } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { holderOf } from './follow';
import { logicalDateOf } from './logical-date';
import { findOneStored, openStore } from './open-store';
import type { Terminal } from './terminal';

class PipelineBusyError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

interface Pipeline {
  readonly spec: PipelineSpec;
  readonly connectionsFile: string;
}

/** A pipeline file, or the name of a pipeline that has run: then as it ran last. */
async function pipelineOf(word: string, environment: Environment): Promise<Pipeline> {
  if (/\.ya?ml$/.test(word)) return { spec: await loadPipeline(word), connectionsFile: connectionsFileOf(word) };
  const { spec, connectionsFile } = await findOneStored(await openStore(environment, word), word);
  return { spec, connectionsFile };
}

/** `state show`: the checkpoint of each stream, in the destination. */
async function show(word: string, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const { spec, connectionsFile } = await pipelineOf(word, environment);
  const server = await serverForRun(environment, terminal);
  try {
    const now = new Date().toISOString();
    const input: ReadStateInput = { spec, connectionsFile, run: { pipeline: spec.pipeline, workflowId: `${spec.pipeline}/state`, logicalDate: logicalDateOf(undefined), generation: 1, executionId: 'state', startedAt: now } };
    const streams = await askWorker<readonly StreamState[]>(server.client, environment, { workflow: 'readState', doing: `reading the state of "${spec.pipeline}"`, input });
    terminal.event('state', { pipeline: spec.pipeline, streams });
    for (const stream of streams) terminal.say(stateText(stream));
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

function stateText({ stream, to, checkpoint }: StreamState): string {
  const head = `${pc.bold(stream)} → ${to}`;
  if (!checkpoint || checkpoint.version === 0) return `${head}\n  no checkpoint: the next run is a first load`;
  return [
    head,
    `  ${checkpoint.cursor === null ? 'no cursor' : `read up to ${checkpoint.cursor}`}${checkpoint.files > 0 ? `, ${checkpoint.files} files recorded` : ''}`,
    `  version ${checkpoint.version}, fence ${checkpoint.fence}, last claimed by ${checkpoint.holder ?? 'nobody'}${checkpoint.publishedAt ? ` on ${checkpoint.publishedAt}` : ''}`,
    ...checkpoint.gaps.map(({ partition, label }) => `  ${pc.yellow('gap')} ${partition} (${label}): load it with "millrace retry --gaps", or "millrace state drop-gap"`),
  ].join('\n');
}

interface Change {
  readonly change: ChangeStateInput['change'];
  readonly stream: string;
  readonly cursor: string | null;
  readonly gap: string | null;
  readonly why: string;
  /** Of `adopt`. */
  readonly from?: { readonly pipeline: string; readonly stream: string };
}

/** Under a claim, while no run goes on; recorded in the chain of receipts. */
async function change(word: string, asked: Change, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const { spec, connectionsFile } = await pipelineOf(word, environment);
  const server = await needServer(environment);
  try {
    for (const pipeline of new Set([spec.pipeline, ...(asked.from ? [asked.from.pipeline] : [])])) {
      const holder = await holderOf(server.client, pipeline);
      if (holder !== null) throw busyError(spec.pipeline, `run "${holder}"`);
    }
    const logicalDate = logicalDateOf(undefined);
    const input = { ...asked, spec, connectionsFile, logicalDate, by: `${userInfo().username}@${hostname()}` };
    const state = await server.client.workflow.execute('changeState', { workflowId: `${spec.pipeline}/state-${logicalDate}`, taskQueue: environment.taskQueue, args: [input], workflowExecutionTimeout: '2 minutes' })
      .catch((error: unknown) => { throw answerError(error, `changing the state of "${spec.pipeline}"`, environment.taskQueue); }) as StreamState;
    terminal.event('state', { pipeline: spec.pipeline, change: asked.change, by: input.by, streams: [state] });
    terminal.say(`${stateText(state)}\nrecorded as ${spec.pipeline}/state-${logicalDate} by ${input.by}`);
    return exitCodes.success;
  } finally {
    await server.close();
  }
}

const busyError = (pipeline: string, who: string): PipelineBusyError =>
  new PipelineBusyError(`changing the state of "${pipeline}": ${who} is going on; wait for its end or "millrace cancel ${pipeline}", then say it again`);

class AdoptUnclearError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'configuration';
}

/** Streams may have a slash in their names, pipelines have none. */
function fromOf({ from, beside }: { readonly from?: string; readonly beside?: boolean }): Pick<Change, 'from'> {
  if ((from === undefined) === (beside !== true)) throw new AdoptUnclearError('adopting a table: say which it is, --from PIPELINE/STREAM where this stream was that one, or --beside where it adds other rows');
  if (from === undefined) return {};
  const at = from.indexOf('/');
  if (at < 1 || at === from.length - 1) throw new AdoptUnclearError(`adopting a table: "${from}" is no PIPELINE/STREAM, such as shop/orders`);
  return { from: { pipeline: from.slice(0, at), stream: from.slice(at + 1) } };
}

const beginning = 'beginning';
const cursorOf = (text: string): string | null => (text === beginning ? null : text);

export const addState: AddCommand = ({ group }) => {
  const { command, does } = group('state', 'Show and change how far streams have been read');
  const ofStream = (name: string, summary: string, example: string) => command(name, summary, example)
    .argument('<pipeline>', 'pipeline file, or name of a pipeline that has run').argument('<stream>', 'stream of it')
    .requiredOption('--why <text>', 'the reason, for the record');
  command('show', 'Show the checkpoint of each stream, as the destination has it', 'millrace state show orders')
    .argument('<pipeline>', 'pipeline file, or name of a pipeline that has run')
    .action(does(({ environment, terminal }, word: string) => show(word, environment, terminal)));
  ofStream('set', 'Set the cursor from which the next run reads', 'millrace state set orders.yaml orders --cursor 2026-08-01 --why "loaded by hand until July"')
    .requiredOption('--cursor <value>', `value that the next run reads from; "${beginning}" for all`)
    .action(does(({ environment, terminal }, word: string, stream: string, flags: { readonly cursor: string; readonly why: string }) =>
      change(word, { change: 'set', stream, cursor: cursorOf(flags.cursor), gap: null, why: flags.why }, environment, terminal)));
  ofStream('rewind', 'Let the next run read again from an earlier cursor', 'millrace state rewind orders orders --to 2026-07-01 --why "prices were corrected"')
    .requiredOption('--to <value>', `earlier cursor; "${beginning}" for all`)
    .action(does(({ environment, terminal }, word: string, stream: string, flags: { readonly to: string; readonly why: string }) =>
      change(word, { change: 'rewind', stream, cursor: cursorOf(flags.to), gap: null, why: flags.why }, environment, terminal)));
  ofStream('adopt', 'Let an append load into a table that has rows of another stream', 'millrace state adopt orders.yaml orders --from shop/orders --why "the pipeline was renamed"')
    .option('--from <pipeline/stream>', 'take the place of that stream, which this one was until it was renamed: go on where it stopped')
    .option('--beside', 'add rows to those of other streams; the next run reads from the beginning')
    .action(does(({ environment, terminal }, word: string, stream: string, flags: { readonly from?: string; readonly beside?: boolean; readonly why: string }) =>
      change(word, { change: 'adopt', stream, cursor: null, gap: null, why: flags.why, ...fromOf(flags) }, environment, terminal)));
  ofStream('drop-gap', 'Give up rows that a run skipped: no later run will load them', 'millrace state drop-gap orders orders "id 1 … 1000" --why "test data"')
    .argument('<gap>', 'partition or label, as "state show" tells it')
    .action(does(({ environment, terminal }, word: string, stream: string, gap: string, flags: { readonly why: string }) =>
      change(word, { change: 'drop_gap', stream, cursor: null, gap, why: flags.why }, environment, terminal)));
};
