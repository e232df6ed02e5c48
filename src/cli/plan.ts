import pc from 'picocolors';
import type { DescribeRunInput, PlannedStream } from '../activities/seeing-contract';
import { connectionsFileOf } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { askWorker } from './ask-worker';
import { serverForRun } from './connect';
import type { AddCommand } from './door';
import { exitCodeOfArea, exitCodes, type ExitCode } from './exit-codes';
import { logicalDateOf } from './logical-date';
import { screenWidth, wrapped } from './plain-table';
import type { Terminal } from './terminal';
import { plural } from './words';
import { wrapped as sentence } from './wrapped';

interface PlanFlags {
  readonly logicalDate?: string;
  readonly allowDestructive?: boolean;
}

/** `plan FILE`: what a run started now would read, create and take away. Nothing is written and nothing is claimed. */
export async function plan(file: string, flags: PlanFlags, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const spec = await loadPipeline(file);
  const input: DescribeRunInput = { spec, connectionsFile: connectionsFileOf(file), logicalDate: logicalDateOf(flags.logicalDate), allowDestructive: flags.allowDestructive === true };
  const server = await serverForRun(environment, terminal, input.connectionsFile);
  try {
    const streams = await askWorker<readonly PlannedStream[]>(server.client, environment, { workflow: 'describeRun', doing: `planning "${spec.pipeline}"`, input });
    terminal.event('plan', { pipeline: spec.pipeline, logicalDate: input.logicalDate, streams });
    terminal.say(`${spec.pipeline}, as of ${input.logicalDate}; nothing is written by this command`);
    for (const stream of streams) terminal.say(`\n${textOf(stream)}`);
    const failed = streams.find(({ problem }) => problem !== null);
    terminal.say(failed ? `\nmend that, then look again with "millrace plan ${file}"` : `\n${sentence(`see rows after each step with "millrace preview ${file}", start it with "millrace run ${file}"`)}`);
    return failed ? exitCodeOfArea(failed.problem!.area) : exitCodes.success;
  } finally {
    await server.close();
  }
}

function textOf(stream: PlannedStream): string {
  const { partitions, columns, statements, destructive, rollback, notes, problem } = stream;
  const line = (word: string, text: string, paint: (text: string) => string = (plain) => plain): string =>
    wrapped(text, screenWidth() - 14).map((part, at) => `  ${(at === 0 ? word : '').padEnd(11)} ${paint(part)}`).join('\n');
  const list = (word: string, texts: readonly string[], paint?: (text: string) => string): readonly string[] => texts.map((text, at) => line(at === 0 ? word : '', text, paint));
  return [
    `${pc.bold(stream.stream)} → ${pc.bold(stream.to)}  ${pc.dim(`${stream.mode}, ${stream.write}`)}`,
    ...(problem ? [line('problem', problem.message, pc.red)] : []),
    line('checkpoint', checkpointText(stream)),
    ...(problem && columns.length === 0 ? [] : [
      line('reads', `${windowText(stream)}${stream.estimatedRows === null ? '' : `, about ${plural(stream.estimatedRows, 'row')}`}`),
      line('partitions', `${plural(partitions.count, 'partition')}${partitions.labels.length > 0 ? `: ${partitions.labels.join(', ')}${partitions.count > partitions.labels.length ? ', …' : ''}` : ''}`),
    ]),
    ...(columns.length > 0 ? [line('columns', columns.map(({ name, type }) => `${name} ${type}`).join(', '))] : []),
    ...list('changed', stream.drift.differences, pc.yellow),
    ...(stream.drift.outcome === null ? [] : [line('contract', stream.drift.outcome)]),
    ...(stream.wholeStream ? [line('steps', 'one of them needs all rows of the stream, so it runs once, after the last partition')] : []),
    ...list('would run', statements.length > 0 || problem ? statements : ['no DDL: the target is ready']),
    ...list('takes away', destructive.length > 0 ? destructive : problem ? [] : ['nothing'], destructive.length > 0 ? pc.yellow : undefined),
    line('rollback', `${rollback.can ? 'yes' : 'no'}: ${rollback.why}`),
    ...list('note', notes, pc.yellow),
  ].join('\n');
}

function checkpointText({ checkpoint }: PlannedStream): string {
  if (checkpoint === null || checkpoint.version === 0) return 'none: this is the first load';
  const cursor = checkpoint.position?.cursor ?? null;
  return `version ${checkpoint.version}${cursor === null ? '' : `, read up to ${cursor}`}, last claimed by ${checkpoint.holder ?? 'nobody'}`;
}

function windowText({ window, mode, partitions }: PlannedStream): string {
  if (window) return `${window.cursor} in [${window.lower ?? 'the beginning'}, ${window.upper})`;
  return mode === 'full' ? 'everything' : partitions.count === 0 ? 'nothing: nothing is new' : 'what is not yet recorded';
}

export const addPlan: AddCommand = ({ command, does }) => command('plan', 'Show what a run would read, create and take away; writes nothing', 'millrace plan pipelines/orders.yaml')
  .argument('<file>', 'pipeline file')
  .option('--logical-date <instant>', 'date of the run; data up to it is read (default: now)')
  .option('--allow-destructive', 'plan as "run --allow-destructive" would')
  .action(does(({ environment, terminal }, file: string, flags: PlanFlags) => plan(file, flags, environment, terminal)));
