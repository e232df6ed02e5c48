import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { SourceHeldError } from '../domain/errors';

export const compressions = ['auto', 'none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/** The compression a file has: as told, else by its ending. */
export function compressionOf(path: string, told: Compression): Exclude<Compression, 'auto'> {
  if (told !== 'auto') return told;
  return path.endsWith('.gz') ? 'gzip' : path.endsWith('.zst') ? 'zstd' : 'none';
}

/** The bytes of a file in pieces, decompressed. Damaged compression is a held error: nothing after the damage can be read. */
export async function* openBytes(path: string, told: Compression): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  const compression = compressionOf(path, told);
  const stream = compression === 'none' ? file : inflated(file, compression);
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    if (isNode(error) && error.code?.startsWith('Z_')) throw new SourceHeldError(`decompressing a ${compression} file: ${error.message}; fetch the file again`, { compression });
    throw error;
  } finally {
    file.destroy();
  }
}

function inflated(file: Readable, compression: 'gzip' | 'zstd'): Readable {
  const out = new PassThrough();
  // A failure on the way destroys `out` with the same error, which is where it is read.
  pipeline(file, decompressor(compression), out).catch(() => undefined);
  return out;
}

function decompressor(compression: 'gzip' | 'zstd'): Transform {
  if (compression === 'gzip') return zlib.createGunzip();
  // Newer Node only; the types of the oldest supported one do not know it.
  const createZstd = (zlib as unknown as Record<string, (() => Transform) | undefined>)['createZstdDecompress'];
  if (createZstd) return createZstd();
  throw new SourceHeldError('reading a damaged zstd file record by record: this Node.js cannot; decompress the file, or compress it with gzip', { compression });
}

const isNode = (error: unknown): error is NodeJS.ErrnoException => typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
