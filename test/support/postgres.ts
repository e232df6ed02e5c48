import { randomBytes } from 'node:crypto';
import { openConnection, type PostgresConnection } from '../../src/connectors/postgres/connection';
import { configSchema, type PostgresConfig } from '../../src/connectors/postgres/config';

/** Address of the server that the test set-up started (or that MILLRACE_TEST_POSTGRES names): a superuser's URL. */
export function serverUrl(): string {
  const url = process.env['MILLRACE_TEST_POSTGRES'];
  if (!url) throw new Error('MILLRACE_TEST_POSTGRES is not set; the tests are started by "npm test"');
  return url;
}

export interface TestDatabase extends PostgresConnection {
  readonly url: string;
  readonly config: PostgresConfig;
  /** A new connection to the same database, after its server was started again. */
  again(): Promise<TestDatabase>;
  /** Closes the connection and drops the database. */
  drop(): Promise<void>;
}

const connectTo = (url: string): Promise<PostgresConnection> => openConnection(configSchema.parse({ url }), 'source', 'millrace-test');

/** A database of its own for a test file, and a connection to it. */
export async function createDatabase(server = serverUrl()): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const maker = await connectTo(server);
  await maker.run(`CREATE DATABASE ${name}`);
  await maker.close();
  const url = new URL(server);
  url.pathname = `/${name}`;
  return open(server, name, url.href);
}

async function open(server: string, name: string, url: string): Promise<TestDatabase> {
  const connection = await connectTo(url);
  return {
    ...connection,
    url,
    config: configSchema.parse({ url }),
    again: () => open(server, name, url),
    async drop() {
      await connection.close();
      const dropper = await connectTo(server);
      await dropper.run(`DROP DATABASE ${name} WITH (FORCE)`);
      await dropper.close();
    },
  };
}
