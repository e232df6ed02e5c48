import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';

export interface DownloadRequest {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly file: string;
  /** Another version of the object fails with HTTP 412. */
  readonly etag: string | undefined;
  readonly signal: AbortSignal;
  progress?(bytes: number): void;
}

/** A broken stream is taken up again this often where it broke. */
const resumptions = 5;

/** An object as a local file, as fast as the slower of both; a reading that breaks off goes on at the byte where it broke. */
export async function downloadFile(request: DownloadRequest): Promise<void> {
  await rm(request.file, { force: true });
  let version = request.etag;
  for (let times = 0; ; times += 1) {
    const from = (await stat(request.file).catch(() => null))?.size ?? 0;
    try {
      version = await readOn(request, version, from);
      return;
    } catch (error) {
      // An answer of the server is its last word here; a stream that breaks has none.
      if (request.signal.aborted || times === resumptions || error instanceof S3ServiceException) throw error;
    }
  }
}

async function readOn({ client, bucket, key, file, signal, progress }: DownloadRequest, etag: string | undefined, from: number): Promise<string | undefined> {
  const reply = await client.send(new GetObjectCommand({
    Bucket: bucket, Key: key, ...(etag === undefined ? {} : { IfMatch: etag }), ...(from > 0 ? { Range: `bytes=${from}-` } : {}),
  }), { abortSignal: signal });
  const body = reply.Body as Readable;
  let bytes = from;
  body.on('data', (chunk: Buffer) => progress?.(bytes += chunk.length));
  await pipeline(body, createWriteStream(file, { flags: from > 0 ? 'a' : 'w', highWaterMark: 1 << 20 }), { signal });
  return reply.ETag;
}
