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
  /** Closes the connection and drops the database. */
  drop(): Promise<void>;
}

/** A database of its own for a test file, and a connection to it. */
export async function createDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const server = await openConnection(configSchema.parse({ url: serverUrl() }), 'source', 'millrace-test');
  await server.run(`CREATE DATABASE ${name}`);
  await server.close();
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  const config = configSchema.parse({ url: url.href });
  const connection = await openConnection(config, 'source', 'millrace-test');
  return {
    ...connection,
    url: url.href,
    config,
    async drop() {
      await connection.close();
      const again = await openConnection(configSchema.parse({ url: serverUrl() }), 'source', 'millrace-test');
      await again.run(`DROP DATABASE ${name} WITH (FORCE)`);
      await again.close();
    },
  };
}
