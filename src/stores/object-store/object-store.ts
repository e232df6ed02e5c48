import {
  AbortMultipartUploadCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command, paginateListObjectsV2, PutObjectCommand,
  type MultipartUpload, type S3Client,
} from '@aws-sdk/client-s3';
import { downloadFile } from './download';
import { isMissing, statusOf, translated, type StoreRole } from './errors';
import { clientOf, encryptionOf } from './client';
import type { ObjectStoreSettings } from './settings';
import { uploadFile, type Uploaded } from './upload';

/** One object as a listing shows it; `key` is below the store's prefix. */
export interface ObjectEntry {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface TransferOptions {
  readonly signal: AbortSignal;
  progress?(bytes: number): void;
}

/**
 * A prefix of a bucket. Keys are relative to it. Errors leave as EtlError of the given role. A condition that failed is an
 * answer, not an error; after a lost reply the caller reads again and finds its own text or another's (semantics 9).
 */
export interface ObjectStore {
  /** `s3://bucket/prefix`, for people. */
  readonly name: string;
  /** Throws where the bucket cannot be reached with these credentials. */
  probe(): Promise<void>;
  /** False: there is an object already. */
  createText(key: string, text: string): Promise<boolean>;
  /** False: the object is no longer of this version. */
  replaceText(key: string, text: string, etag: string): Promise<boolean>;
  /** Small objects only. Null: no such key. */
  readText(key: string): Promise<{ readonly text: string; readonly etag: string } | null>;
  /** Null: no such key. */
  describe(key: string): Promise<ObjectEntry | null>;
  upload(key: string, file: string, options: TransferOptions): Promise<Uploaded>;
  /** Throws `ObjectChanged` (HTTP 412) where the object has another version than `etag`. */
  download(key: string, file: string, options: TransferOptions & { readonly etag?: string; readonly range?: { readonly from: number; readonly to: number } }): Promise<void>;
  /** In the order of the keys' bytes, page by page. */
  list(prefix: string): AsyncGenerator<ObjectEntry>;
  /** Direct children of a folder: objects, and folders with a trailing slash; sorted. */
  children(folder: string): Promise<readonly string[]>;
  remove(keys: readonly string[]): Promise<void>;
  /** Ends uploads below a prefix that began before, or only counts them; returns how many. */
  abortUploads(prefix: string, before: Date, options?: { readonly dryRun: boolean }): Promise<number>;
  close(): void;
}

/** True for the error of a download whose object has been replaced. */
export const isChanged = (error: unknown): boolean => statusOf(error) === 412;

export function openObjectStore(settings: ObjectStoreSettings, role: StoreRole): ObjectStore {
  const client = clientOf(settings);
  const { bucket, prefix } = settings;
  const name = `s3://${bucket}${prefix ? `/${prefix}` : ''}`;
  const whole = (key: string): string => (prefix ? `${prefix}/${key}` : key);
  const own = (key: string): string => (prefix ? key.slice(prefix.length + 1) : key);
  const guarded = async <Result>(action: string, key: string | undefined, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw isChanged(error) ? error : translated(error, { role, name }, action, key);
    }
  };
  const put = (key: string, text: string, condition: { IfNoneMatch: '*' } | { IfMatch: string }): Promise<boolean> => guarded('writing', key, async () => {
    try {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: whole(key), Body: text, ContentType: 'application/json', ...encryptionOf(settings), ...condition }));
      return true;
    } catch (error) {
      // 404: what was to be replaced is gone.
      if (statusOf(error) === 412 || (statusOf(error) === 404 && 'IfMatch' in condition && isMissing(error))) return false;
      throw error;
    }
  });

  return {
    name,
    // A listing, since an answer to HEAD has no body that says what is wrong.
    probe: () => guarded('listing', undefined, async () => { await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: whole(''), MaxKeys: 1 })); }),
    createText: (key, text) => put(key, text, { IfNoneMatch: '*' }),
    replaceText: (key, text, etag) => put(key, text, { IfMatch: etag }),
    readText: (key) => guarded('reading', key, async () => {
      try {
        const reply = await client.send(new GetObjectCommand({ Bucket: bucket, Key: whole(key) }));
        return { text: await reply.Body!.transformToString('utf8'), etag: reply.ETag! };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    }),
    describe: (key) => guarded('reading', key, async () => {
      try {
        const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: whole(key) }));
        return { key, size: head.ContentLength ?? 0, etag: head.ETag!, modified: head.LastModified?.getTime() ?? 0 };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    }),
    upload: (key, file, options) => guarded('writing', key, () => uploadFile({ client, settings, key: whole(key), file, ...options })),
    download: (key, file, { etag, ...options }) => guarded('reading', key, () => downloadFile({ client, bucket, key: whole(key), file, etag, ...options })),
    async* list(below) {
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: whole(below) })[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await guarded('listing', below, () => pages.next());
        if (done) return;
        for (const { Key, Size, ETag, LastModified } of value.Contents ?? []) yield { key: own(Key!), size: Size ?? 0, etag: ETag ?? '', modified: LastModified?.getTime() ?? 0 };
      }
    },
    children: (folder) => guarded('listing', folder, async () => {
      const found: string[] = [];
      const below = folder === '' && prefix === '' ? '' : `${whole(folder)}/`.replace(/\/+$/, '/');
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: below, Delimiter: '/' })) {
        // Some servers keep the folder itself as an empty object.
        found.push(...(page.Contents ?? []).filter(({ Key }) => Key !== below).map(({ Key }) => own(Key!)), ...(page.CommonPrefixes ?? []).map(({ Prefix }) => own(Prefix!)));
      }
      return found.sort();
    }),
    async remove(keys) {
      for (let from = 0; from < keys.length; from += 1000) {
        const some = keys.slice(from, from + 1000).map((key) => ({ Key: whole(key) }));
        await guarded('removing', some[0]!.Key, async () => {
          const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: some, Quiet: true } }));
          if (Errors[0]) throw Object.assign(new Error(`${Errors.length} objects could not be removed: ${Errors[0].Code}: ${Errors[0].Message}`), { name: Errors[0].Code ?? 'Error' });
        });
      }
    },
    abortUploads: (below, before, { dryRun } = { dryRun: false }) => guarded('listing uploads', below, async () => {
      let count = 0;
      for await (const { Key, UploadId, Initiated } of openUploads(client, bucket, whole(below))) {
        if (Initiated && Initiated >= before) continue;
        if (!dryRun) await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })).catch((error: unknown) => { if (!isMissing(error)) throw error; });
        count += 1;
      }
      return count;
    }),
    close: () => client.destroy(),
  };
}

async function* openUploads(client: S3Client, bucket: string, prefix: string): AsyncGenerator<MultipartUpload> {
  let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
  for (;;) {
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...markers }));
    yield* page.Uploads ?? [];
    if (!page.IsTruncated) return;
    markers = { ...(page.NextKeyMarker === undefined ? {} : { KeyMarker: page.NextKeyMarker }), ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }) };
  }
}
