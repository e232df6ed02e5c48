import { Client, type ClientConfig, type FieldDef } from 'pg';
import { translated } from './errors';
import type { PostgresConfig } from './config';

/** Every value as Postgres prints it: no parser turns a bigint into a number or a timestamp into a Date. */
const asText = { getTypeParser: () => (value: string) => value };

/**
 * Sessions print and read values in one way, whatever the server's or role's defaults are. A limit made for short queries would end a long
 * COPY again and again; a commit that is reported before it is durable may be gone after a crash that no run then hears of.
 */
const sessionSettings =
  "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET timezone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = 'hex'; SET array_nulls = on; SET xmloption = content; " +
  "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10min'; SET default_transaction_isolation = 'read committed'; " +
  // By name, since not every version has each.
  "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_session_timeout'); " +
  "SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'";

export interface PostgresConnection {
  readonly client: Client;
  /** Rows as objects of text. */
  rows(sql: string, values?: readonly (string | number | null)[]): Promise<readonly Record<string, string | null>[]>;
  row(sql: string, values?: readonly (string | number | null)[]): Promise<Record<string, string | null>>;
  run(sql: string, values?: readonly (string | number | null)[]): Promise<number>;
  /** What a query would give, by name and type. */
  fields(sql: string): Promise<readonly FieldDef[]>;
  /** BEGIN … COMMIT around `work`; ROLLBACK where it throws. `mode`: text after BEGIN, e.g. `READ ONLY`. */
  transaction<Result>(work: () => Promise<Result>, mode?: string): Promise<Result>;
  close(): Promise<void>;
}

export type Side = 'source' | 'destination';

/** One session. Errors leave as EtlError with the host and what was tried, for the given side of the run. */
export async function openConnection(config: PostgresConfig, side: Side, applicationName = 'millrace'): Promise<PostgresConnection> {
  const client = new Client(clientConfig(config, applicationName));
  // Without a listener a dropped connection would end the process; the query in flight gets the error anyway.
  client.on('error', () => undefined);
  const guarded = async <Result>(work: () => Promise<Result>, doing: string): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw translated(error, config, side, doing);
    }
  };
  await guarded(() => client.connect(), 'connecting');
  await guarded(() => client.query(sessionSettings), 'setting up the session');

  const query = (sql: string, values: readonly (string | number | null)[] = []) => guarded(() => client.query({ text: sql, values: [...values], types: asText }), 'running a query');
  const connection: PostgresConnection = {
    client,
    rows: async (sql, values) => (await query(sql, values)).rows as Record<string, string | null>[],
    async row(sql, values) {
      const [first] = await connection.rows(sql, values);
      if (!first) throw new Error(`a query that must give one row gave none: ${sql.slice(0, 120)}`);
      return first;
    },
    run: async (sql, values) => (await query(sql, values)).rowCount ?? 0,
    fields: async (sql) => (await query(sql)).fields,
    async transaction(work, mode = '') {
      await connection.run(`BEGIN ${mode}`);
      try {
        const result = await work();
        await connection.run('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
    close: async () => { await client.end().catch(() => undefined); },
  };
  return connection;
}

function clientConfig(config: PostgresConfig, applicationName: string): ClientConfig {
  const { url, host, port, database, user, password, ssl, connect_timeout: seconds } = config;
  return {
    ...(url ? { connectionString: url } : { host, port, database, user, password }),
    application_name: applicationName,
    connectionTimeoutMillis: seconds * 1000,
    keepAlive: true,
    ...(ssl && ssl.mode !== 'disable' && {
      ssl: {
        rejectUnauthorized: ssl.mode !== 'require',
        ...(ssl.ca && { ca: ssl.ca }),
        ...(ssl.mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
      },
    }),
  };
}

/** `host:port/database`, without user or password: for messages. */
export function addressOf(config: PostgresConfig): string {
  if (!config.url) return `${config.host}:${config.port}/${config.database}`;
  try {
    const url = new URL(config.url);
    return `${url.hostname || url.searchParams.get('host') || ''}:${url.port || 5432}${url.pathname}`;
  } catch {
    return 'the given url';
  }
}
