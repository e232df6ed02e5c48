import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

interface Sides {
  /** Opens the pipe for writing and writes all of it; stops when the signal is aborted. */
  write(pipe: string, signal: AbortSignal): Promise<void>;
  read(stream: Readable): Promise<void>;
}

/**
 * Joins a writer that wants a file name to a reader of a stream. Opening one side of a named pipe waits for the other, in a thread
 * that nothing can interrupt: a side that failed, was cancelled or lost its connection before it opened would leave the other
 * waiting for ever, and the process unable to end. So both sides are open before either starts, and what a failed reader leaves
 * is read away until the writer has stopped. Rejects with what the first failing side said.
 */
export async function throughPipe({ write, read }: Sides, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-load-'));
  const pipe = path.join(folder, 'rows');
  try {
    if (spawnSync('mkfifo', ['-m', '600', pipe]).status !== 0) throw new Error(`making a named pipe in "${folder}" failed; is there a command mkfifo?`);
    // Open for both, it waits for nobody, and nobody waits while it is open; readers see the end once it is closed.
    const both = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const rows = (await open(pipe, constants.O_RDONLY)).createReadStream({ highWaterMark: 1 << 20 });
    // Of its own, since a stream that is destroyed closes what it reads.
    const rest = await open(pipe, constants.O_RDONLY);
    const stop = new AbortController();
    const writing = write(pipe, AbortSignal.any([signal, stop.signal])).finally(() => both.close());
    const reading = read(rows).catch(async (error: unknown) => {
      stop.abort(error);
      rows.destroy();
      await finished(rest.createReadStream().resume()).catch(() => undefined);
      throw error;
    });
    const [written, taken] = await Promise.allSettled([writing, reading]);
    await rest.close();
    if (taken.status === 'rejected') throw taken.reason;
    if (written.status === 'rejected') throw written.reason;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
