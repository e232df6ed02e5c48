import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { throughPipe } from '../../src/connectors/postgres/pipe';

/** Each of these left a thread waiting for ever when one side opened the pipe alone. */
const never = new AbortController().signal;
const failing = (message: string) => async (): Promise<void> => { throw new Error(message); };
const large = Buffer.alloc(3_000_000, 'x');

test('hands on everything that was written', async () => {
  let taken = Buffer.alloc(0);
  await throughPipe({ write: (pipe) => writeFile(pipe, large), read: async (stream) => { taken = await buffer(stream); } }, never);
  expect(taken.equals(large)).toBe(true);
});

test('a reader that fails before it has read lets the writer end', async () => {
  let told: unknown;
  const write = async (pipe: string, signal: AbortSignal): Promise<void> => {
    await writeFile(pipe, large);
    told = signal.reason;
  };
  await expect(throughPipe({ write, read: failing('the connection is gone') }, never)).rejects.toThrow('the connection is gone');
  expect(told).toEqual(new Error('the connection is gone'));
});

test('a reader that is broken off while it waits for more lets both end', async () => {
  const write = async (pipe: string, signal: AbortSignal): Promise<void> => {
    const file = await open(pipe, 'w');
    await file.write('one\n');
    if (!signal.aborted) await once(signal, 'abort');
    await file.write(large);
    await file.close();
  };
  const read = async (stream: Readable): Promise<void> => {
    await once(stream, 'data');
    stream.destroy();
    throw new Error('the connection is gone');
  };
  await expect(throughPipe({ write, read }, never)).rejects.toThrow('the connection is gone');
});

test('a writer that never opens the pipe lets the reader end', async () => {
  await expect(throughPipe({ write: failing('the disk is full'), read: async (stream) => void await buffer(stream) }, never)).rejects.toThrow('the disk is full');
});

test('neither side opens it: both failures end at once', async () => {
  await expect(throughPipe({ write: failing('cancelled'), read: failing('cancelled') }, never)).rejects.toThrow('cancelled');
});
