import type { Environment } from '../config/environment';
import { needServer } from './connect';
import type { AddCommand } from './door';
import { exitCodes, type ExitCode } from './exit-codes';
import type { Terminal } from './terminal';

/** `worker`: runs until it is told to stop; against the same server that `run` would use. */
export async function worker(environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await needServer(environment);
  await server.close();
  terminal.say(`worker on task queue "${environment.taskQueue}" of Temporal at ${server.address}; stop it with Ctrl-C`);
  // Loaded here, since the worker's native library takes longer to load than most commands to run.
   
  const { runWorker } = require('../worker') as typeof import('../worker');
  await runWorker({ ...environment, temporal: { ...environment.temporal, connection: { ...environment.temporal.connection, address: server.address } } });
  return exitCodes.success;
}

export const addWorker: AddCommand = ({ command, does }) => command('worker', 'Run a worker', 'TEMPORAL_ADDRESS=temporal.example:7233 millrace worker')
  .action(does(({ environment, terminal }) => worker(environment, terminal)));
