import pc from 'picocolors';
import type { CheckConnectionsInput, ConnectionCheck } from '../activities/contract';
import type { DescribeRunInput, PlannedStream } from '../activities/seeing-contract';
import { connectionsFileOf, openConnections } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { textOf } from '../config/problems';
import { askWorker } from './ask-worker';
import { findServer } from './connect';
import type { AddCommand } from './door';
import { exitCodeOfArea, exitCodes, type ExitCode } from './exit-codes';
import { logicalDateOf } from './logical-date';
import type { Terminal } from './terminal';
import { plural } from './words';

/** `check FILE`: the file itself, then both connections from where they will be used: the worker. */
export async function check(file: string, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const spec = await loadPipeline(file);
  const connections = openConnections(connectionsFileOf(file));
  const warnings = [...new Set([spec.source, spec.destination])].flatMap((name) => connections.warnings(name)).map((warning) => textOf(connections.file, warning));
  terminal.event('parsed', { file, pipeline: spec.pipeline, streams: spec.streams.length, warnings, spec });
  terminal.say(`${pc.green('ok')}  ${file}: ${plural(spec.streams.length, 'stream')}, every word understood`);
  for (const warning of warnings) terminal.say(`${pc.yellow('warning')}  ${warning}`);

  const server = await findServer(environment);
  if (!server) {
    terminal.event('skipped', { message: 'no Temporal server' });
    terminal.say(`${pc.dim('skipped')}  connections are tried by a worker, and there is no Temporal server; start "millrace dev", or see "millrace plan ${file}", which starts one for itself`);
    return exitCodes.success;
  }
  try {
    const input: CheckConnectionsInput = { connectionsFile: connections.file, source: spec.source, destination: spec.destination };
    const found = await askWorker<readonly ConnectionCheck[]>(server.client, environment, { workflow: 'checkConnections', doing: 'checking connections', input });
    const told = tellChecks(found, terminal);
    terminal.say(pc.dim(`columns, types and files are looked at by "millrace plan ${file}"`));
    const judged = spec.streams.filter(({ contract }) => contract !== undefined);
    if (told !== exitCodes.success || judged.length === 0) return told;
    const described: DescribeRunInput = { spec, connectionsFile: connections.file, logicalDate: logicalDateOf(undefined), allowDestructive: false };
    return tellDrift(await askWorker<readonly PlannedStream[]>(server.client, environment, { workflow: 'describeRun', doing: 'comparing the source with what was loaded last', input: described }), terminal);
  } finally {
    await server.close();
  }
}

function tellChecks(found: readonly ConnectionCheck[], terminal: Terminal): ExitCode {
  for (const one of found) {
    terminal.event('connection', { ...one });
    terminal.say(`${one.ok ? pc.green('ok') : pc.red('failed')}  ${one.side} "${one.connection}"`);
    for (const message of one.messages) terminal.say(`    ${message}`);
  }
  const failed = found.find(({ ok }) => !ok);
  return failed ? exitCodeOfArea(failed.side) : exitCodes.success;
}

/** What a contract is asked about: the source as it is now against what was last published. */
function tellDrift(streams: readonly PlannedStream[], terminal: Terminal): ExitCode {
  for (const { stream, drift, problem } of streams.filter((one) => one.drift.differences.length > 0)) {
    terminal.event('drift', { stream, ...drift });
    terminal.say(`${problem ? pc.red('failed') : pc.yellow('changed')}  stream "${stream}" is no longer what was loaded last`);
    for (const line of [...drift.differences, drift.outcome]) terminal.say(`    ${line}`);
  }
  const refused = streams.find(({ drift, problem }) => problem !== null && drift.differences.length > 0);
  return refused ? exitCodeOfArea(refused.problem!.area) : exitCodes.success;
}

export const addCheck: AddCommand = ({ command, does }) => command('check', 'Read a pipeline, list everything that is wrong, and try its connections', 'millrace check pipelines/orders.yaml')
  .argument('<file>', 'pipeline file')
  .action(does(({ environment, terminal }, file: string) => check(file, environment, terminal)));
