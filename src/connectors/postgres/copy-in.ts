import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Column } from '../../domain/column';
import { fileList } from '../../transforms/duckdb-engine';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import { translated } from './errors';
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

/** Parquet → DuckDB prints CSV into a pipe → COPY reads it: both work at once, and no row passes through JavaScript objects. */
export async function copyIn({ connection, config, context, control }: Loading, request: CopyIn): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-load-'));
  const pipe = path.join(folder, randomUUID());
  if (spawnSync('mkfifo', ['-m', '600', pipe]).status !== 0) throw new Error(`making a named pipe in "${folder}" failed; is there a command mkfifo?`);
  const writing = context.engine.session(control.signal, (session) => session.run(printSql(request, pipe)));
  // A writer that fails before it opens the pipe would leave the reader waiting for ever.
  writing.catch(() => release(pipe));
  const stream = connection.client.query(copyFrom(copyInSql(request.into, [...request.columns, ...request.constants].map(({ name }) => name))));
  try {
    const reading = pipeline(createReadStream(pipe, { highWaterMark: 1 << 20 }), stream, { signal: control.signal });
    const [written, read] = await Promise.allSettled([writing, reading]);
    if (control.signal.aborted) throw control.signal.reason;
    if (read.status === 'rejected' && !isBrokenPipe(read.reason)) throw translated(read.reason, config, 'destination', request.what);
    if (written.status === 'rejected') throw written.reason;
    control.progress({ rows: stream.rowCount });
    return stream.rowCount;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function printSql({ columns, constants, paths }: CopyIn, pipe: string): string {
  const values = columns.map((column) => `${copyTextOf(column, quoteDuck(column.name))} AS ${quoteDuck(column.name)}`);
  const quoted = columns.filter((column) => copyTextOf(column, 'x') !== 'x' || column.type === 'VARCHAR' || column.type === 'JSON').map(({ name }) => quoteDuck(name));
  const select = `SELECT ${[...values, ...constants.map(({ name, value }) => `${value} AS ${quoteDuck(name)}`)].join(', ')} FROM read_parquet(${fileList(paths)})`;
  return `COPY (${select}) TO ${quoteDuckLiteral(pipe)} (FORMAT csv, HEADER false, NULLSTR '\\N', USE_TMP_FILE false${quoted.length > 0 ? `, FORCE_QUOTE (${quoted.join(', ')})` : ''})`;
}

const isBrokenPipe = (error: unknown): boolean => typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';

async function release(pipe: string): Promise<void> {
  const handle = await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => null);
  await handle?.close();
}
