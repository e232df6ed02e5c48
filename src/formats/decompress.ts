import { PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import unbzip2 from 'unbzip2-stream';
import { XzReadableStream } from 'xz-decompress';
import { SourceHeldError } from '../domain/errors';
import { isDamage } from './damage';
import type { Compression } from './layers';

const piece = 1 << 20;

/** Unpacks as it is read: memory does not grow with the file. Damage is a held error: nothing after it can be read. */
export async function* decompressed(bytes: AsyncIterable<Buffer>, compression: Compression): AsyncGenerator<Buffer> {
  let given = 0;
  const counted = (async function* () {
    for await (const part of bytes) { given += part.length; yield part; }
  })();
  try {
    for await (const part of opened(counted, compression)) yield part;
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new SourceHeldError(`decompressing a ${compression} file: ${error.message} (near byte ${given} at most); fetch the file again, then "millrace resume RUN"`, { compression });
  } finally {
    await counted.return(undefined);
  }
}

function opened(bytes: AsyncIterable<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  switch (compression) {
    case 'gzip': return through(bytes, zlib.createGunzip({ chunkSize: piece }));
    case 'bzip2': return through(bytes, unbzip2() as unknown as Transform);
    case 'xz': return unxz(bytes);
    case 'zstd': return unzstd(bytes);
  }
}

async function* through(bytes: AsyncIterable<Buffer>, transform: Transform): AsyncGenerator<Buffer> {
  const out = new PassThrough({ highWaterMark: piece });
  // A failure on the way destroys `out` with the same error, which is where it is read.
  const flow = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 1 }), transform, out).catch(() => undefined);
  try {
    for await (const part of out) yield part as Buffer;
  } finally {
    out.destroy();
    await flow;
  }
}

async function* unxz(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const web = Readable.toWeb(Readable.from(bytes, { objectMode: true, highWaterMark: 1 }));
  const reader = new XzReadableStream(web as unknown as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // The stream writes into the same memory again.
      yield Buffer.from(value);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Node's own where it has one; its types do not know it yet. */
async function* unzstd(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const native = (zlib as unknown as Record<string, (() => Transform) | undefined>)['createZstdDecompress'];
  if (native) return yield* through(bytes, native());
  const ready: Buffer[] = [];
  const decoder = new Decompress((part) => { if (part.length > 0) ready.push(Buffer.from(part)); });
  for await (const part of bytes) {
    for (let at = 0; at < part.length; at += zstdPiece) {
      decoder.push(part.subarray(at, at + zstdPiece));
      while (ready.length > 0) yield ready.shift()!;
    }
  }
  decoder.push(new Uint8Array(0), true);
  while (ready.length > 0) yield ready.shift()!;
}
/** What is pushed at once is unpacked at once. */
const zstdPiece = 64 * 1024;
