import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { Option } from 'commander';
import { connectionsFileOf } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { EtlError } from '../domain/errors';
import { workflowIdOf } from '../domain/ids';
import type { PipelineSpec } from '../domain/pipeline';
import type { RunPipelineInput } from '../workflows/messages';
import { serverForRun, ServerUnavailableError, type Server } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import { holderOf } from './follow';
import { logicalDateOf } from './logical-date';
import { offerSearchAttributes } from './search-attributes';
import type { Terminal } from './terminal';
import { watchRun } from './watch-run';

export interface RunOptions {
  readonly logicalDate?: string;
  readonly whenHeld: 'attach' | 'queue' | 'refuse';
  readonly detach: boolean;
  readonly allowDestructive: boolean;
}

type DatedInput = RunPipelineInput & { readonly logicalDate: string };

class PipelineBusyError extends EtlError {
  readonly disposition = 'fail';
  readonly area = 'internal';
}

/** `run FILE`: parse → start, or attach to the run that is going on → watch to the end. */
export async function run(file: string, options: RunOptions, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const logicalDate = logicalDateOf(options.logicalDate);
  const spec = await loadPipeline(file);
  const server = await serverForRun(environment, terminal, connectionsFileOf(file));
  try {
    if (options.detach && server.own) throw new ServerUnavailableError('detaching needs a Temporal server that stays: start "millrace dev" in another terminal, or set TEMPORAL_ADDRESS');
    const input: DatedInput = { spec, logicalDate, connectionsFile: connectionsFileOf(file), whenHeld: options.whenHeld === 'queue' ? 'queue' : 'refuse', allowDestructive: options.allowDestructive };
    return await follow(file, input, options, environment, server, terminal);
  } finally {
    await server.close();
  }
}

async function follow(file: string, input: DatedInput, options: RunOptions, environment: Environment, server: Server, terminal: Terminal): Promise<ExitCode> {
  for (;;) {
    const { runId, handle, attached } = await startOrAttach(input, options, environment, server, terminal);
    terminal.event(attached ? 'attached' : 'started', { run: runId });
    terminal.say(attached ? `run ${runId} is going on; watching it (start another with --queue)` : `run ${runId} started`);
    if (options.detach) {
      terminal.say(`watch it with "millrace run ${file}", see "millrace status ${runId}"`);
      return exitCodes.success;
    }
    // A person who runs the file again has mended what the run was held for; without a lasting server there is no other way to say so.
    if (attached && server.own) await handle.signal('resume');
    const ended = await watchRun({ runId, handle, file, taskQueue: environment.taskQueue, server, terminal });
    if (ended !== 'busy') return ended;
    if (options.whenHeld === 'refuse') throw busyError(input.spec);
  }
}

interface Started {
  readonly runId: string;
  readonly handle: WorkflowHandle;
  readonly attached: boolean;
}

async function startOrAttach(input: DatedInput, options: RunOptions, environment: Environment, { client }: Server, terminal: Terminal): Promise<Started> {
  const { spec, logicalDate } = input;
  const attach = (runId: string): Started => ({ runId, handle: client.workflow.getHandle(runId), attached: true });
  if (options.whenHeld !== 'queue') {
    const holder = await holderOf(client, spec.pipeline);
    if (holder !== null && options.whenHeld === 'refuse') throw busyError(spec, holder);
    if (holder !== null) return attach(holder);
  }
  const workflowId = workflowIdOf(spec.pipeline, logicalDate);
  try {
    const handle = await client.workflow.start('runPipeline', {
      workflowId, taskQueue: environment.taskQueue, args: [{ ...input, ...await offerSearchAttributes(client, terminal) }], staticSummary: `run ${spec.pipeline}`,
      ...(spec.description ? { staticDetails: spec.description } : {}),
    });
    return { runId: workflowId, handle, attached: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    if (options.whenHeld === 'refuse') throw busyError(spec, workflowId);
    return attach(workflowId);
  }
}

const busyError = ({ pipeline }: PipelineSpec, holder?: string): PipelineBusyError =>
  new PipelineBusyError(`starting pipeline "${pipeline}": ${holder ? `run "${holder}"` : 'another run'} is going on; leave out --refuse to watch it, or wait in line with --queue`, { pipeline });

interface RunFlags {
  readonly logicalDate?: string;
  readonly queue?: boolean;
  readonly refuse?: boolean;
  readonly detach?: boolean;
  readonly allowDestructive?: boolean;
}

export const addRun: AddCommand = ({ command, does }) => command('run', 'Run a pipeline and watch it to its end', 'millrace run pipelines/orders.yaml\n  millrace run pipelines/orders.yaml --logical-date 2026-08-01 --json')
  .argument('<file>', 'pipeline file')
  .option('--logical-date <instant>', 'date of the run; data up to it is read (default: now)')
  .addOption(new Option('--attach', 'watch the run of this pipeline that is going on, if one is (default)').conflicts(['queue', 'refuse', 'detach']))
  .addOption(new Option('--queue', 'wait until the run that is going on has ended').conflicts(['attach', 'refuse']))
  .addOption(new Option('--refuse', 'end at once if another run is going on').conflicts(['attach', 'queue']))
  .option('--detach', 'start the run and do not watch it')
  .option('--allow-destructive', 'let "write: replace" take a table that Millrace did not create')
  .action(does(({ environment, terminal }, file: string, flags: RunFlags) => run(file, {
    ...(flags.logicalDate === undefined ? {} : { logicalDate: flags.logicalDate }),
    whenHeld: flags.queue ? 'queue' : flags.refuse ? 'refuse' : 'attach',
    detach: flags.detach === true,
    allowDestructive: flags.allowDestructive === true,
  }, environment, terminal)));
