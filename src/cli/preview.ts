import { readFile } from 'node:fs/promises';
import type { PreviewInput } from '../activities/seeing-contract';
import { connectionsFileOf } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { unknownWord } from '../config/problems';
import { ConfigurationError } from '../domain/errors';
import type { PreviewRef, PreviewStream } from '../domain/preview';
import { openNamedStaging, openStaging } from '../stores/open-staging';
import { answerError, questionId } from './ask-worker';
import { serverForRun, type Server } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { lacksStep, previewText } from './preview-text';
import type { Terminal } from './terminal';
import { wholeNumber } from './whole-number';
import { wrapped } from './wrapped';

interface PreviewFlags {
  readonly stream?: string;
  readonly rows: number;
  readonly sample: number;
  readonly step?: number;
}

/** `preview FILE`: some rows of each stream before and after each step, and what would be rejected and why. */
export async function preview(file: string, flags: PreviewFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const spec = await loadPipeline(file);
  const names = spec.streams.map(({ stream }) => stream);
  if (flags.stream !== undefined && !names.includes(flags.stream)) throw new ConfigurationError(`previewing "${file}": ${unknownWord('stream', flags.stream, names)}`);
  const input: PreviewInput = { id: questionId('preview'), spec, connectionsFile: connectionsFileOf(file), streams: flags.stream === undefined ? names : [flags.stream], sample: flags.sample, shown: flags.rows };
  const server = await serverForRun(environment, terminal, input.connectionsFile);
  try {
    const streams = await fetchPreview(server, environment, input);
    for (const stream of streams) {
      terminal.event('preview', { ...stream });
      terminal.say(previewText(stream, flags.step ?? null));
    }
    const broken = streams.some((stream) => stream.problem !== null || lacksStep(stream, flags.step ?? null));
    terminal.say(wrapped(`a sample of at most ${flags.sample} rows per stream; nothing was written. ${broken ? 'Mend what stops it, then preview it again' : `Start it with "millrace run ${file}"`}`));
    return broken ? exitCodes.configuration : exitCodes.success;
  } finally {
    await server.close();
  }
}

/** The rows lie in staging until they are read; what travels through Temporal is where. */
async function fetchPreview(server: Server, environment: Environment, input: PreviewInput): Promise<readonly PreviewStream[]> {
  const { taskQueue } = environment;
  const handle = await server.client.workflow.start('previewPipeline', { workflowId: input.id, taskQueue, args: [input], workflowExecutionTimeout: '4 minutes' });
  try {
    const ref = await server.client.connection.withDeadline(Date.now() + 120_000, () => handle.executeUpdate<PreviewRef, []>('previewed', { args: [] }))
      .catch((error: unknown) => { throw answerError(error, `previewing "${input.spec.pipeline}"`, taskQueue); });
    const named = input.spec.staging;
    const staging = named === undefined ? await openStaging(environment) : await openNamedStaging(named, environment);
    if (staging.id !== ref.staging) throw new ConfigurationError(`previewing "${input.spec.pipeline}": the worker keeps its staging elsewhere (${ref.staging}, here it is ${staging.id}); run this where the worker runs, or set MILLRACE_HOME to its home`);
    return JSON.parse(await readFile(await staging.fetch(ref.file), 'utf8')) as readonly PreviewStream[];
  } finally {
    await handle.signal('fetched').catch(() => undefined);
  }
}

export const addPreview: AddCommand = ({ command, does }) => command('preview', 'Show rows before and after each step, and what would be rejected; writes nothing', 'millrace preview pipelines/orders.yaml --step 2')
  .argument('<file>', 'pipeline file')
  .option('--stream <name>', 'only this stream')
  .option('--step <number>', 'only this step, counted from 1: rows before and after it', wholeNumber(1000))
  .option('--rows <count>', 'rows to show', wholeNumber(100), 5)
  .option('--sample <count>', 'rows to read of each stream', wholeNumber(10_000), 1000)
  .action(does(({ environment, terminal }, file: string, flags: PreviewFlags) => preview(file, flags, environment, terminal)));
