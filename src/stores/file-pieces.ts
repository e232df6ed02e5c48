import { open } from 'node:fs/promises';

/**
 * The bytes of a file, each piece in the memory of the one before: it holds only until the next one is asked for. Buffers of their own would make V8
 * collect its whole heap for every 64 MB of them, which in a worker costs more than the reading (measured).
 */
export async function* piecesOf(path: string, size = 1 << 20): AsyncGenerator<Buffer> {
  const handle = await open(path, 'r');
  try {
    const memory = Buffer.allocUnsafeSlow(size);
    for (;;) {
      const { bytesRead } = await handle.read(memory, 0, size, null);
      if (bytesRead === 0) return;
      yield memory.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
