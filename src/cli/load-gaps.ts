import type { Environment } from '../config/environment';
import type { RunDocument } from '../activities/artefacts';
import { ConfigurationError } from '../domain/errors';
import type { Gap } from '../domain/gap';
import { runPath, workflowIdOf } from '../domain/ids';
import { referencedStreams } from '../domain/pipeline';
import type { RunSummary } from '../domain/receipt';
import type { StagingStore } from '../stores/staging';
import type { RunPipelineInput } from '../workflows/messages';
import { needServer } from './connect';
import { exitCodes, type ExitCode } from './exit-codes';
import { logicalDateOf } from './logical-date';
import { findStored, openStore } from './open-store';
import { readReceipts } from './receipts';
import { offerSearchAttributes } from './search-attributes';
import type { Terminal } from './terminal';
import { watchRun } from './watch-run';

/** A run of the streams with gaps, of the pipeline as its last run had it; the checkpoint stays where it is. */
export async function loadGaps(word: string, stream: string | undefined, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const pipeline = word.split('/')[0]!;
  const gapped = openGaps(await readReceipts(environment, pipeline)).map((one) => one.stream).filter((name) => stream === undefined || name === stream);
  if (gapped.length === 0) throw new ConfigurationError(`loading the gaps of "${pipeline}": there are none open${stream === undefined ? '' : ` in "${stream}"`}`);
  const input = await inputOf(pipeline, gapped, environment);
  const server = await needServer(environment);
  try {
    const runId = workflowIdOf(pipeline, input.logicalDate!);
    const handle = await server.client.workflow.start('runPipeline', { workflowId: runId, taskQueue: environment.taskQueue, args: [{ ...input, ...await offerSearchAttributes(server.client, terminal) }], staticSummary: `load gaps of ${pipeline}` });
    terminal.event('started', { run: runId, gaps: true });
    terminal.say(`run ${runId} started: it loads what was skipped in ${gapped.join(', ')}`);
    const ended = await watchRun({ runId, handle, file: pipeline, taskQueue: environment.taskQueue, server, terminal });
    return ended === 'busy' ? exitCodes.other : ended;
  } finally {
    await server.close();
  }
}

/** Streams with gaps, as their last publish left them. Receipts are given newest first. */
export function openGaps(receipts: readonly RunSummary[]): readonly { readonly pipeline: string; readonly stream: string; readonly gaps: readonly Gap[] }[] {
  const last = new Map<string, { readonly pipeline: string; readonly stream: string; readonly gaps: readonly Gap[] }>();
  for (const { run: { pipeline }, streams } of receipts) {
    for (const { stream, state, gaps = [] } of streams) {
      const published = state === 'succeeded' || state === 'succeeded_with_rejects';
      if (published && !last.has(`${pipeline} ${stream}`)) last.set(`${pipeline} ${stream}`, { pipeline, stream, gaps });
    }
  }
  return [...last.values()].filter(({ gaps }) => gaps.length > 0);
}

async function inputOf(pipeline: string, gapped: readonly string[], environment: Environment): Promise<RunPipelineInput> {
  const staging = await openStore(environment, pipeline);
  const { spec, connectionsFile, allowDestructive } = await lastWhole(staging, pipeline);
  const reading = spec.streams.find((one) => gapped.includes(one.stream) && referencedStreams(one).length > 0);
  if (reading) throw new ConfigurationError(`loading the gaps of "${reading.stream}": a step of it reads other streams, which are not read in such a run; read its window again with a backfill`);
  return { spec: { ...spec, streams: spec.streams.filter((one) => gapped.includes(one.stream)) }, logicalDate: logicalDateOf(undefined), connectionsFile, whenHeld: 'refuse', allowDestructive, gaps: true };
}

/** The last run that was not one of gaps alone. */
async function lastWhole(staging: StagingStore, pipeline: string): Promise<RunDocument> {
  for (const { run } of await findStored(staging, pipeline)) {
    const document = JSON.parse((await staging.read(`${runPath(run)}/run.json`))!) as RunDocument;
    if (!document.gaps && !document.selection) return document;
  }
  throw new ConfigurationError(`loading the gaps of "${pipeline}": the run that skipped them is no longer in staging; read the window again`);
}
