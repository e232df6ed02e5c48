import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  CompleteMultipartUploadCommand, CreateMultipartUploadCommand, HeadObjectCommand, ListMultipartUploadsCommand, paginateListParts, PutObjectCommand, UploadPartCommand,
  type CompletedPart, type Part, type S3Client,
} from '@aws-sdk/client-s3';
import { Sema } from 'async-sema';
import { encryptionOf } from './client';
import type { ObjectStoreSettings } from './settings';

export interface UploadRequest {
  readonly client: S3Client;
  readonly settings: ObjectStoreSettings;
  /** Whole key in the bucket. */
  readonly key: string;
  readonly file: string;
  readonly signal: AbortSignal;
  progress?(bytes: number): void;
}

export interface Uploaded {
  readonly etag: string;
  readonly bytes: number;
}

const mebibyte = 1 << 20;
/** S3 takes this many parts of one object. */
const mostParts = 10_000;

/**
 * A local file as an object. Big ones go in parts, `parallel` of them in memory at once; an upload of the same key that was cut
 * off before is taken up again, and parts that are there already, with the same bytes, are not sent twice.
 */
export async function uploadFile(request: UploadRequest): Promise<Uploaded> {
  const handle = await open(request.file, 'r');
  try {
    const { size } = await handle.stat();
    const partSize = Math.max(request.settings.part_size * mebibyte, Math.ceil(size / mostParts));
    return size <= partSize ? await putWhole(request, handle, size) : await putParts(request, handle, size, partSize);
  } finally {
    await handle.close();
  }
}

async function putWhole({ client, settings, key, signal, progress }: UploadRequest, handle: FileHandle, size: number): Promise<Uploaded> {
  const body = await slice(handle, 0, size);
  const { ETag } = await client.send(new PutObjectCommand({ Bucket: settings.bucket, Key: key, Body: body, ...encryptionOf(settings) }), { abortSignal: signal });
  progress?.(size);
  return { etag: ETag!, bytes: size };
}

async function putParts(request: UploadRequest, handle: FileHandle, size: number, partSize: number): Promise<Uploaded> {
  const { client, settings, key, signal } = request;
  const found = await findUpload(request);
  const uploadId = found?.uploadId ?? await createUpload(request);
  const count = Math.ceil(size / partSize);
  const slots = new Sema(settings.parallel);
  let sent = 0;
  const parts = await Promise.all(Array.from({ length: count }, async (_none, index): Promise<CompletedPart> => {
    await slots.acquire();
    try {
      signal.throwIfAborted();
      const body = await slice(handle, index * partSize, Math.min(partSize, size - index * partSize));
      const there = found?.parts.get(index + 1);
      const etag = there && isSame(there, body) ? there.ETag : await sendPart(request, uploadId, index + 1, body);
      request.progress?.(sent += body.length);
      return { PartNumber: index + 1, ETag: etag, ...(settings.checksums === 'supported' ? { ChecksumCRC32: base64Crc32(body) } : {}) };
    } finally {
      slots.release();
    }
  }));
  return { etag: await complete(client, settings.bucket, key, uploadId, parts, size, signal), bytes: size };
}

async function createUpload({ client, settings, key, signal }: UploadRequest): Promise<string> {
  // Checksums of parts count only where the algorithm is declared here.
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({
    Bucket: settings.bucket, Key: key, ...(settings.checksums === 'supported' ? { ChecksumAlgorithm: 'CRC32' as const } : {}), ...encryptionOf(settings),
  }), { abortSignal: signal });
  return UploadId!;
}

async function sendPart({ client, settings, key, signal }: UploadRequest, uploadId: string, number: number, body: Buffer): Promise<string | undefined> {
  const { ETag } = await client.send(new UploadPartCommand({ Bucket: settings.bucket, Key: key, UploadId: uploadId, PartNumber: number, Body: body }), { abortSignal: signal });
  return ETag;
}

interface OpenUpload {
  readonly uploadId: string;
  readonly parts: ReadonlyMap<number, Part>;
}

/** The newest open upload of exactly this key. */
async function findUpload({ client, settings, key, signal }: UploadRequest): Promise<OpenUpload | null> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: settings.bucket, Prefix: key }), { abortSignal: signal });
  const own = Uploads.filter((upload) => upload.Key === key && upload.UploadId).sort((left, right) => Number(left.Initiated ?? 0) - Number(right.Initiated ?? 0)).at(-1);
  if (!own) return null;
  const parts = new Map<number, Part>();
  for await (const page of paginateListParts({ client }, { Bucket: settings.bucket, Key: key, UploadId: own.UploadId })) {
    for (const part of page.Parts ?? []) parts.set(part.PartNumber!, part);
  }
  return { uploadId: own.UploadId!, parts };
}

/** By CRC32 where the server kept it, else by the MD5 that an ETag is without encryption. */
function isSame({ Size, ChecksumCRC32, ETag }: Part, body: Buffer): boolean {
  if (Size !== body.length) return false;
  return ChecksumCRC32 ? ChecksumCRC32 === base64Crc32(body) : ETag?.replaceAll('"', '') === createHash('md5').update(body).digest('hex');
}

function base64Crc32(body: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

/** A lost reply makes the second try say that there is no such upload: then the object tells whether the first one did it. */
async function complete(client: S3Client, bucket: string, key: string, uploadId: string, parts: readonly CompletedPart[], size: number, signal: AbortSignal): Promise<string> {
  try {
    const { ETag } = await client.send(new CompleteMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId, MultipartUpload: { Parts: [...parts] } }), { abortSignal: signal });
    return ETag!;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'NoSuchUpload') throw error;
    const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal }).catch(() => null);
    if (head?.ContentLength === size && head.ETag?.replaceAll('"', '').endsWith(`-${parts.length}`)) return head.ETag;
    throw error;
  }
}

async function slice(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, from + filled);
    if (bytesRead === 0) throw new Error('the file became shorter while it was uploaded');
    filled += bytesRead;
  }
  return buffer;
}
