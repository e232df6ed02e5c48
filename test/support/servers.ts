import path from 'node:path';
import { freePort, stopProcess } from '../../src/dev/process';
import { startPostgres } from '../../src/dev/postgres';
import { startTemporal } from '../../src/dev/temporal';
import { eventually } from './temporal';

/** `killed`: -9, as by a power failure of the process; `stopped`: as an administrator does it. */
export type Ending = 'killed' | 'stopped';

export interface OwnServer {
  /** Address or URL; stays the same over restarts. */
  readonly at: string;
  end(how: Ending): Promise<void>;
  begin(): Promise<void>;
}

const log = (): void => undefined;

/** A Postgres that a test may end as it likes. */
export async function startOwnPostgres(folder: string): Promise<OwnServer> {
  const port = await freePort();
  let server = await startPostgres({ folder, port, log });
  return {
    at: server.url,
    end: (how) => (how === 'killed' ? stopProcess(server.pid, 'SIGKILL') : server.stop()),
    // The sessions of a killed server end a moment later; until then it cannot be started.
    async begin() { server = await eventually(() => startPostgres({ folder, port, log }).catch(() => null), 'Postgres to start again', 60); },
  };
}

/** A Temporal server with a database file, that a test may end as it likes. */
export async function startOwnTemporal(folder: string, dynamicConfig: readonly string[] = []): Promise<OwnServer> {
  const options = { folder, port: await freePort(), uiPort: await freePort(), dynamicConfig, tools: path.join(__dirname, '../../.millrace/tools'), log };
  let server = await startTemporal(options);
  return {
    at: server.address,
    end: (how) => (how === 'killed' ? stopProcess(server.pid, 'SIGKILL') : server.stop()),
    async begin() { server = await eventually(() => startTemporal(options).catch(() => null), 'Temporal to start again', 60); },
  };
}
