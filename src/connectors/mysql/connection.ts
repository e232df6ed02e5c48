import { createConnection, type Connection, type ConnectionOptions } from 'mysql2';
import { SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { MysqlConfig } from './config';

export type TextRow = readonly (string | null)[];

export interface MysqlConnection {
  /** Small results only; every value as text. */
  rows(sql: string): Promise<readonly TextRow[]>;
  /** Rows as they come, the values as the server's own text, in bytes. */
  stream(sql: string): AsyncIterable<readonly (Buffer | null)[]>;
  /** Drops the connection; the server ends what it was doing for it when it notices. */
  destroy(): void;
  close(): Promise<void>;
}

/** Values stay what the server printed: none passes through a number or a date of JavaScript. */
const asBytes = (field: { buffer(): Buffer | null }): Buffer | null => field.buffer();

/** In UTC, strict, reading only, and of one moment within a transaction. */
export async function openConnection(config: MysqlConfig): Promise<MysqlConnection> {
  const connection: Connection = createConnection({
    ...(config.socket === undefined ? { host: config.host, port: config.port } : { socketPath: config.socket }),
    user: config.user, database: config.database, connectTimeout: config.connect_timeout * 1000, charset: 'utf8mb4', rowsAsArray: true, typeCast: asBytes as never,
    ...(config.password !== undefined && { password: config.password }),
    ...(config.ssl && { ssl: { rejectUnauthorized: config.ssl.mode === 'verify', ...(config.ssl.ca !== undefined && { ca: config.ssl.ca }) } }),
  } as ConnectionOptions);
  const where = config.socket ?? `${config.host}:${config.port}`;
  const ask = (sql: string): Promise<readonly (readonly (Buffer | null)[])[]> => new Promise((resolve, reject) => {
    connection.query(sql, (error, rows) => (error ? reject(translated(error, where)) : resolve(Array.isArray(rows) ? rows as never : [])));
  });
  await new Promise<void>((resolve, reject) => { connection.connect((error) => (error ? reject(translated(error, where)) : resolve())); });
  // A connection that breaks while nobody asks would end the process.
  connection.on('error', () => undefined);
  for (const sql of ["SET time_zone = '+00:00'", "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'SET SESSION TRANSACTION READ ONLY']) await ask(sql);
  return {
    rows: async (sql) => (await ask(sql)).map((row) => row.map((value) => value?.toString('utf8') ?? null)),
    async *stream(sql) {
      const rows = connection.query(sql).stream({ highWaterMark: 500 });
      try {
        for await (const row of rows) yield row as readonly (Buffer | null)[];
      } catch (error) {
        throw translated(error as Error, where);
      }
    },
    destroy: () => connection.destroy(),
    close: () => new Promise((resolve) => { connection.end(() => resolve()); }),
  };
}

const held = new Set(['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_BAD_DB_ERROR', 'ER_NO_SUCH_TABLE', 'ER_PARSE_ERROR', 'ER_BAD_FIELD_ERROR', 'HANDSHAKE_SSL_ERROR', 'HANDSHAKE_NO_SSL_SUPPORT', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION']);

function translated(error: Error & { code?: string; sqlMessage?: string }, where: string): Error {
  if (error.code !== undefined && held.has(error.code)) return new SourceHeldError(`reading from "${where}": ${error.sqlMessage ?? error.message}; grant or correct that, then "millrace resume RUN"`);
  return new SourceUnavailableError(`reading from "${where}": ${error.code ?? error.message}; check that the server is up, the run goes on by itself`);
}
