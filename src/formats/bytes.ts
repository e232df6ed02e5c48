import { createReadStream } from 'node:fs';
import { piecesOf } from '../stores/file-pieces';
import { decompressed } from './decompress';
import type { Compression as Packed } from './layers';

export const compressions = ['auto', 'none', 'gzip', 'zstd', 'bzip2', 'xz'] as const;
export type Compression = (typeof compressions)[number];

const endings: Readonly<Record<string, Packed>> = { gz: 'gzip', zst: 'zstd', bz2: 'bzip2', xz: 'xz' };

/** The compression a file has: as told, else by its ending. */
export function compressionOf(path: string, told: Compression): Exclude<Compression, 'auto'> {
  if (told !== 'auto') return told;
  return endings[/\.([a-z0-9]+)$/.exec(path)?.[1] ?? ''] ?? 'none';
}

/** What DuckDB unpacks by itself. */
export const isNative = (compression: Compression): boolean => compression === 'none' || compression === 'gzip' || compression === 'zstd';

/** Enough for a look at the first records: a reader takes apart all that it is given. */
export const glance = 1 << 16;

/** The bytes of a file in pieces, decompressed. */
export async function* openBytes(path: string, told: Compression, piece = 1 << 20): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: piece });
  const compression = compressionOf(path, told);
  try {
    yield* compression === 'none' ? (file as AsyncIterable<Buffer>) : decompressed(file, compression);
  } finally {
    file.destroy();
  }
}

/** As `openBytes`, but a piece holds only until the next one is asked for: a file is gone through without leaving memory to be collected. */
export const passingBytes = (path: string, told: Compression): AsyncIterable<Buffer> => (compressionOf(path, told) === 'none' ? piecesOf(path) : openBytes(path, told));
