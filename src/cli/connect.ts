import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { environmentVariable, type Environment } from '../config/environment';
import { EtlError } from '../domain/errors';
import { HomeTakenError, findEnvironment, homeAbove, lockUsers, startEnvironment, type HomeLock, type StartedEnvironment } from './development';
import { listenForEnding } from './ending';
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
  /** Gone with this command, or with another one that started it for its run. */
  readonly own: boolean;
  close(): Promise<void>;
}

const connectTimeout = 10_000;

/** Of TEMPORAL_ADDRESS and its like, else of a running `millrace dev`; null: neither is there. */
export async function findServer({ temporal, home }: Environment): Promise<Server | null> {
  if (temporal.configured) return connect(temporal.connection, temporal.namespace);
  return serverIn(home);
}

/** Where it would go with the command that started it, that command is kept waiting until this one is done. */
async function serverIn(home: string): Promise<Server | null> {
  const found = findEnvironment(home);
  if (!found) return null;
  if (found.lasting) return connect({ address: found.address }, found.namespace);
  const use = lockUsers(home, 'shared');
  if (!use || !findEnvironment(home)) return use?.release() ?? null;
  const server = await connect({ address: found.address }, found.namespace).catch((error: unknown) => { use.release(); throw error; });
  return { ...server, own: true, close: async () => { await server.close(); use.release(); } };
}

export async function needServer(environment: Environment): Promise<Server> {
  const server = await findServer(environment);
  if (server) return server;
  throw new ServerUnavailableError('looking for a Temporal server: there is none; start "millrace dev" in this folder, or set TEMPORAL_ADDRESS');
}

/** For `run`: where no server is found, one of its own for as long as the command lasts. `near`: a file whose folder, or one above it, may be the home of one. */
export async function serverForRun(environment: Environment, terminal: Terminal, near?: string): Promise<Server> {
  const found = await findServer(environment) ?? await serverNear(near, terminal);
  if (found) return found;
  terminal.say(`no server in ${environment.home}; starting one for this run`);
  const started = await startOrAwait(environment, terminal);
  return 'client' in started ? started : ownServer(started, environment.home, terminal);
}

async function ownServer(started: StartedEnvironment, home: string, terminal: Terminal): Promise<Server> {
  try {
    const server = await connect({ address: started.address }, started.namespace);
    return {
      ...server, own: true,
      async close() {
        await server.close();
        const users = await usersGone(home, terminal);
        await started.stop();
        users?.release();
      },
    };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

/** Another command may work with the server meanwhile; null: this one is told to end all the same. */
async function usersGone(home: string, terminal: Terminal): Promise<HomeLock | null> {
  const ending = listenForEnding();
  try {
    for (let times = 0; !ending.signal.aborted; times += 1) {
      const alone = lockUsers(home, 'exclusive');
      if (alone) return alone;
      if (times === 1) terminal.say('another command still uses the server of this one; waiting for it (Ctrl-C: stop the server)');
      await sleep(300);
    }
    return null;
  } finally {
    ending.forget();
  }
}

/** Of a `millrace dev` that is up where the pipeline lies, unless a home was named. */
async function serverNear(file: string | undefined, terminal: Terminal): Promise<Server | null> {
  const home = file === undefined || environmentVariable('MILLRACE_HOME') ? null : homeAbove(path.dirname(path.resolve(file)));
  const server = home && await serverIn(home);
  if (server) terminal.say(`using the server of ${home} (for other commands in this folder: export MILLRACE_HOME='${home}')`);
  return server || null;
}

const patience = 120_000;

/** An environment of this process, or the server of another one that was about to start. */
async function startOrAwait(environment: Environment, terminal: Terminal): Promise<StartedEnvironment | Server> {
  for (let times = 0, deadline = Date.now() + patience; ; times += 1) {
    try {
      return await startEnvironment({ home: environment.home, postgres: false, lasting: false, log: (line) => terminal.say(line) });
    } catch (error) {
      if (!(error instanceof HomeTakenError) || Date.now() > deadline) throw error;
      const found = await findServer(environment);
      if (found) return found;
      if (times === 0) terminal.say(`process ${error.pid} starts or stops a server there; waiting for it …`);
      await sleep(300);
    }
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
