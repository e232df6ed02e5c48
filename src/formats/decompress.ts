import { PassThrough, Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import { XzReadableStream } from 'xz-decompress';
import { SourceHeldError } from '../domain/errors';
import { isDamage } from './damage';
import type { Compression } from './layers';
import { unzstd } from './zstd';

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
    throw new SourceHeldError(`decompressing a ${compression} file: ${reasonOf(error)} (near byte ${given} at most); fetch the file again, then "millrace resume RUN"`, { compression });
  } finally {
    await counted.return(undefined);
  }
}

/** What the decoders say, where it helps anybody: one that runs off its own tables says nothing of use. */
function reasonOf({ name, message }: Error): string {
  const code = /^get_next_output failed with error code (\d)/.exec(message)?.[1];
  if (code === '2' || code === '6') return 'it is packed with an option that is not known here, such as a checksum of a kind that cannot be held against it; pack it with "xz --check=crc64"';
  if (code === '3' || code === '4') return 'it needs more memory than is taken for it; pack it with a smaller dictionary';
  return name === 'Error' && code === undefined && !message.includes('dinosaur') ? message : 'it is damaged or was cut off';
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
