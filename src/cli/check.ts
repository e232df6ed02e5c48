import type { Client } from '@temporalio/client';
import pc from 'picocolors';
import type { CheckConnectionsInput, ConnectionCheck } from '../activities/contract';
import { connectionsFileOf, openConnections } from '../config/connections';
import type { Environment } from '../config/environment';
import { loadPipeline } from '../config/load-pipeline';
import { textOf } from '../config/problems';
import { findServer } from './connect';
import type { AddCommand } from './door';
import { exitCodeOfArea, exitCodes, type ExitCode } from './exit-codes';
import { outcomeOfCause } from './outcome';
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
    terminal.say(`${pc.dim('skipped')}  connections are tried by a worker, and there is no Temporal server; start "millrace dev"`);
    return exitCodes.success;
  }
  try {
    const found = await checkConnections(server.client, environment.taskQueue, { connectionsFile: connections.file, source: spec.source, destination: spec.destination });
    return tellChecks(found, terminal);
  } finally {
    await server.close();
  }
}

/** A worker that does not take it up within this time is not there. */
const patience = '1 minute';

async function checkConnections(client: Client, taskQueue: string, input: CheckConnectionsInput): Promise<readonly ConnectionCheck[]> {
  try {
    return (await client.workflow.execute('checkConnections', {
      workflowId: `check/${Date.now().toString(36)}-${process.pid}`, taskQueue, args: [input], workflowExecutionTimeout: patience,
    })) as readonly ConnectionCheck[];
  } catch (error) {
    const outcome = outcomeOfCause(error instanceof Error ? error.cause : error);
    const message = outcome.kind === 'failed' && !/timed ?out/i.test(outcome.message) ? outcome.message : `no worker on task queue "${taskQueue}" has answered in ${patience}; start "millrace worker" or "millrace dev"`;
    throw new Error(`checking connections: ${message}`);
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

export const addCheck: AddCommand = ({ command, does }) => command('check', 'Read a pipeline, list everything that is wrong, and try its connections', 'millrace check pipelines/orders.yaml')
  .argument('<file>', 'pipeline file')
  .action(does(({ environment, terminal }, file: string) => check(file, environment, terminal)));
