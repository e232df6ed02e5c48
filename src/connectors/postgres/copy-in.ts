import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Column } from '../../domain/column';
import { fileList } from '../../transforms/duckdb-engine';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import { translated } from './errors';
import { throughPipe } from './pipe';
import { quoteList } from './quote';
import { copyTextOf } from './types';
import type { Loading } from './write';

interface CopyIn {
  /** Quoted table. */
  readonly into: string;
  /** Read from the Parquet files and written under the same names. */
  readonly columns: readonly Column[];
  /** Written into every row: an integer each. */
  readonly constants: readonly { readonly name: string; readonly value: string }[];
  readonly paths: readonly string[];
  /** For messages: `loading batch "…" into "…"`. */
  readonly what: string;
}

export const copyInSql = (into: string, columns: readonly string[]): string => `COPY ${into} (${quoteList(columns)}) FROM STDIN (FORMAT csv, NULL '\\N', ENCODING 'UTF8')`;

/** Sends text into a table; returns the row count of COPY's command tag. */
export async function copyStream({ connection, config, control }: Pick<Loading, 'connection' | 'config' | 'control'>, sql: string, rows: Readable, what: string): Promise<number> {
  const stream = connection.client.query(copyFrom(sql));
  // A session that is ended also tells a stream that is joined no longer; an error that nobody hears would end the whole process.
  stream.on('error', () => undefined);
  try {
    await pipeline(rows, stream, { signal: control.signal });
    return stream.rowCount;
  } catch (error) {
    if (control.signal.aborted) throw control.signal.reason;
    throw translated(error, config, 'destination', what);
  }
}

/** Parquet → DuckDB prints CSV into a pipe → COPY reads it: both work at once, and no row passes through JavaScript objects. */
export async function copyIn(loading: Loading, request: CopyIn): Promise<number> {
  const { context, control } = loading;
  const sql = copyInSql(request.into, [...request.columns, ...request.constants].map(({ name }) => name));
  let copied = 0;
  await throughPipe({
    write: (pipe, signal) => context.engine.session(signal, (session) => session.run(printSql(request, pipe))),
    read: async (rows) => { copied = await copyStream(loading, sql, rows, request.what); },
  }, control.signal);
  control.progress({ rows: copied });
  return copied;
}

function printSql({ columns, constants, paths }: CopyIn, pipe: string): string {
  const values = columns.map((column) => `${copyTextOf(column, quoteDuck(column.name))} AS ${quoteDuck(column.name)}`);
  const quoted = columns.filter((column) => copyTextOf(column, 'x') !== 'x' || column.type === 'VARCHAR' || column.type === 'JSON').map(({ name }) => quoteDuck(name));
  const select = `SELECT ${[...values, ...constants.map(({ name, value }) => `${value} AS ${quoteDuck(name)}`)].join(', ')} FROM read_parquet(${fileList(paths)})`;
  return `COPY (${select}) TO ${quoteDuckLiteral(pipe)} (FORMAT csv, HEADER false, NULLSTR '\\N', USE_TMP_FILE false${quoted.length > 0 ? `, FORCE_QUOTE (${quoted.join(', ')})` : ''})`;
}
