import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Control } from '../../domain/control';
import { createChecksum, type Measured } from '../../stores/checksum';
import type { PostgresConfig } from './config';
import { openConnection, type PostgresConnection, type Side } from './connection';
import { copyOutStream } from './copy-stream';
import { translated } from './errors';

interface Copied {
  /** By COPY's command tag. */
  readonly rows: number;
  readonly measured: Measured;
}

/** Streams COPY into a file, as fast as the slower of both; its bytes are summed up on the way. */
export async function copyOut(connection: PostgresConnection, config: PostgresConfig, sql: string, path: string, control: Control, side: Side = 'source'): Promise<Copied> {
  const stream = connection.client.query(copyOutStream(sql));
  // A session that is ended also tells a stream that is joined no longer; an error that nobody hears would end the whole process.
  stream.on('error', () => undefined);
  const checksum = createChecksum();
  stream.on('data', (chunk: Buffer) => {
    checksum.add(chunk);
    control.progress({ bytes: checksum.bytes() });
  });
  try {
    await pipeline(stream, createWriteStream(path, { highWaterMark: 1 << 20 }), { signal: control.signal });
    return { rows: stream.rowCount, measured: checksum.measured() };
  } catch (error) {
    // The session is in the middle of a COPY and cannot be used again.
    hangUp(connection);
    if (control.signal.aborted) throw control.signal.reason;
    throw translated(error, config, side, 'reading by COPY');
  }
}

/** Aborting the signal ends what the server is doing for the connection: it would not notice that nobody waits any more. */
export async function cancellable<Result>(connection: PostgresConnection, config: PostgresConfig, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  const { pid } = await connection.row('SELECT pg_backend_pid()::text AS pid');
  const cancel = () => void cancelBackend(config, pid!).catch(() => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function cancelBackend(config: PostgresConfig, pid: string): Promise<void> {
  const second = await openConnection(config, 'source');
  try {
    await second.run('SELECT pg_cancel_backend($1::int)', [pid]);
  } finally {
    await second.close();
  }
}

const hangUp = ({ client }: PostgresConnection): void => {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
};
