import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { Environment } from '../../config/environment';
import { loadPipeline } from '../../config/load-pipeline';
import { forReplay } from '../../config/replay-rules';
import { connectionsFileOf } from '../../config/connections';
import { openFamily, stillOpen } from '../../activities/replay/marks';
import { ConfigurationError } from '../../domain/errors';
import { replayIdOf, runPath } from '../../domain/ids';
import type { PipelineSpec } from '../../domain/pipeline';
import type { RunPipelineInput } from '../../workflows/messages';
import { needServer } from '../connect';
import { exitCodes, type ExitCode } from '../exit-codes';
import { offerSearchAttributes } from '../search-attributes';
import type { Terminal } from '../terminal';
import { watchRun } from '../watch-run';
import { plural } from '../words';
import { chosenSql, eachStream, filterOf, openNamed, refuseUnpublished, runName, type FilterFlags, type Opened } from './common';

export interface ReplayFlags extends FilterFlags {
  readonly with?: string;
  readonly detach?: boolean;
}

/** `quarantine replay RUN [STREAM]`: rows that were set aside, once more through the pipeline, as a run of its own. */
export async function quarantineReplay(word: string, only: string | undefined, flags: ReplayFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const opened = await openNamed(word, only, 'replaying the quarantine of', environment);
  const { family: { original, replays }, from } = opened;
  const counts = await openRows(opened, flags, environment);
  await refuseUnpublished(opened, [...counts.keys()], 'replaying');
  if (counts.size === 0) {
    terminal.event('nothing', { run: runName(opened.stored.run) });
    terminal.say(`no row of ${runName(opened.stored.run)} is open that fits; see "millrace quarantine list ${runName(opened.stored.run)}"`);
    return exitCodes.success;
  }
  const spec = forReplay(await pipelineOf(original.spec, flags.with), [...counts.keys()]);
  const input: RunPipelineInput = {
    spec, logicalDate: original.run.logicalDate, connectionsFile: flags.with === undefined ? original.connectionsFile : connectionsFileOf(flags.with), whenHeld: 'queue', allowDestructive: original.allowDestructive,
    replay: { of: runPath(original.run), number: 1 + Math.max(0, ...replays.map(({ run }) => run.replay!.number)), selection: { from, ...filterOf(flags) } },
  };
  const server = await needServer(environment);
  try {
    const { runId, handle } = await start(server.client, runName(original.run), { ...input, ...await offerSearchAttributes(server.client, terminal) }, environment.taskQueue);
    const rows = [...counts.values()].reduce((sum, count) => sum + count, 0);
    terminal.event('started', { run: runId, rows });
    terminal.say(`run ${runId} started: ${plural(rows, 'row')} of ${[...counts.keys()].join(', ')} once more, ${flags.with === undefined ? 'through the pipeline as that run had it' : `through ${flags.with}`}`);
    if (flags.detach) return exitCodes.success;
    const ended = await watchRun({ runId, handle, file: runId, taskQueue: environment.taskQueue, server, terminal });
    return ended === 'busy' ? exitCodes.other : ended;
  } finally {
    await server.close();
  }
}

/** Open rows that fit, by stream. What counts is what the worker finds under its claim; this is to say so beforehand. */
async function openRows(opened: Opened, flags: FilterFlags, environment: Environment): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  await eachStream(environment, opened.streams, async (session, stream) => {
    await openFamily(session, opened.staging, opened.family, stream);
    const { n } = await session.row(`SELECT count(*) AS n FROM entries e WHERE ${chosenSql(opened, flags)} AND ${stillOpen}`);
    if (n !== '0') counts.set(stream, Number(n));
  });
  return counts;
}

async function pipelineOf(pinned: PipelineSpec, file: string | undefined): Promise<PipelineSpec> {
  if (file === undefined) return pinned;
  const spec = await loadPipeline(file);
  if (spec.pipeline !== pinned.pipeline) throw new ConfigurationError(`replaying with "${file}": it is pipeline "${spec.pipeline}", the rows are of "${pinned.pipeline}"`);
  const moved = spec.streams.find(({ stream, to, write }) => pinned.streams.some((one) => one.stream === stream && (one.to !== to || one.write !== write)));
  if (moved) throw new ConfigurationError(`replaying with "${file}": stream "${moved.stream}" is written elsewhere or otherwise in it than in the run; its rows would not come to those they belong to`);
  return spec;
}

/** Two that start at the same time take numbers one after another, and wait for each other at the pipeline's lock. */
async function start(client: Client, of: string, input: RunPipelineInput, taskQueue: string) {
  for (let number = input.replay!.number; ; number += 1) {
    const runId = replayIdOf(of, number);
    try {
      const handle = await client.workflow.start('runPipeline', { workflowId: runId, taskQueue, args: [{ ...input, replay: { ...input.replay!, number } }], staticSummary: `replay rows of ${of}` });
      return { runId, handle };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
}
