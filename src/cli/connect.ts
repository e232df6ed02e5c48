import { Client, Connection } from '@temporalio/client';
import type { Environment } from '../config/environment';
import { EtlError } from '../domain/errors';
import { findEnvironment, startEnvironment } from './development';
import { guardedCalls } from './guarded';
import type { Terminal } from './terminal';

/** No Temporal server, or one that does not answer. */
export class ServerUnavailableError extends EtlError {
  readonly disposition = 'retry';
  readonly area = 'internal';
}

/** A connected Temporal server. */
export interface Server {
  readonly client: Client;
  readonly address: string;
  /** Started by this command, and gone with it. */
  readonly own: boolean;
  close(): Promise<void>;
}

const connectTimeout = 10_000;

/** Of TEMPORAL_ADDRESS and its like, else of a running `millrace dev`; null: neither is there. */
export async function findServer({ temporal, home }: Environment): Promise<Server | null> {
  if (temporal.configured) return connect(temporal.connection, temporal.namespace);
  const found = await findEnvironment(home);
  return found ? connect({ address: found.address }, found.namespace) : null;
}

export async function needServer(environment: Environment): Promise<Server> {
  const server = await findServer(environment);
  if (server) return server;
  throw new ServerUnavailableError('looking for a Temporal server: there is none; start "millrace dev" in this folder, or set TEMPORAL_ADDRESS');
}

/** For `run`: where no server is found, one of its own for as long as the command lasts. */
export async function serverForRun(environment: Environment, terminal: Terminal): Promise<Server> {
  const found = await findServer(environment);
  if (found) return found;
  const started = await startEnvironment({ home: environment.home, postgres: false, log: (line) => terminal.say(line) });
  try {
    const server = await connect({ address: started.address }, started.namespace);
    return { ...server, own: true, close: async () => { await server.close(); await started.stop(); } };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

async function connect(options: Environment['temporal']['connection'], namespace: string): Promise<Server> {
  const address = options.address ?? 'localhost:7233';
  const { tls, apiKey, metadata } = options;
  const calls = guardedCalls();
  try {
    const connection = await Connection.connect({
      address, connectTimeout, interceptors: calls.interceptors,
      ...(tls === undefined ? {} : { tls }), ...(apiKey === undefined ? {} : { apiKey }), ...(metadata === undefined ? {} : { metadata }),
    });
    return { client: new Client({ connection, namespace }), address, own: false, close: async () => { calls.close(); await connection.close(); } };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new ServerUnavailableError(`connecting to Temporal at "${address}": ${said}; is the server up? start "millrace dev", or correct TEMPORAL_ADDRESS`, { address });
  }
}
