import { open, type FileHandle } from 'node:fs/promises';
import { GetObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';

export interface DownloadRequest {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  readonly file: string;
  /** Another version of the object fails with HTTP 412. */
  readonly etag: string | undefined;
  /** Bytes `[from, to)`; absent: all. */
  readonly range?: { readonly from: number; readonly to: number };
  readonly signal: AbortSignal;
  progress?(bytes: number): void;
}

/** A broken stream is taken up again this often where it broke. */
const resumptions = 5;

/** How far a download has got: bytes that are in the file, of this version. */
interface Reached {
  bytes: number;
  etag: string | undefined;
}

/** An object as a local file; a reading that breaks off goes on at the byte where it broke. */
export async function downloadFile(request: DownloadRequest): Promise<void> {
  const handle = await open(request.file, 'w');
  const reached: Reached = { bytes: 0, etag: request.etag };
  try {
    for (let times = 0; ; times += 1) {
      try {
        return await readOn(request, handle, reached);
      } catch (error) {
        // An answer of the server is its last word here; a stream that breaks has none.
        if (request.signal.aborted || times === resumptions || error instanceof S3ServiceException) throw error;
      }
    }
  } finally {
    await handle.close();
  }
}

/** Each chunk is in the file before it counts: a write stream that is torn down may still write after it was thought dead. */
async function readOn({ client, bucket, key, range, signal, progress }: DownloadRequest, handle: FileHandle, reached: Reached): Promise<void> {
  const from = (range?.from ?? 0) + reached.bytes;
  if (range && from >= range.to) return;
  const reply = await client.send(new GetObjectCommand({
    Bucket: bucket, Key: key, ...(reached.etag === undefined ? {} : { IfMatch: reached.etag }), ...(range || from > 0 ? { Range: `bytes=${from}-${range ? range.to - 1 : ''}` } : {}),
  }), { abortSignal: signal });
  reached.etag = reply.ETag;
  for await (const chunk of reply.Body as unknown as AsyncIterable<Buffer>) {
    await handle.write(chunk, 0, chunk.length, reached.bytes);
    reached.bytes += chunk.length;
    progress?.(reached.bytes);
  }
}
