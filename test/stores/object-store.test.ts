import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateBucketCommand, CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client, S3ServiceException, UploadPartCommand } from '@aws-sdk/client-s3';
import { startS3 } from '../../src/dev/s3';
import { isChanged, objectStoreSchema, openObjectStore, type ObjectStore, type ObjectStoreSettings } from '../../src/stores/object-store';
import { translated } from '../../src/stores/object-store/errors';
import { openProxy, type Verdict } from '../support/http-proxy';
import { createBucket, s3Client, s3Server } from '../support/s3';

const mebibyte = 1 << 20;
const signal = new AbortController().signal;
let folder: string;
let settings: ObjectStoreSettings;
let store: ObjectStore;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace objects '));
  settings = await createBucket({ prefix: 'some/lake' });
  store = openObjectStore(settings, 'destination');
});
afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const fileOf = (name: string, bytes: number): string => {
  const file = path.join(folder, name);
  writeFileSync(file, randomBytes(bytes));
  return file;
};
const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

async function expectSame(of: ObjectStore, key: string, file: string): Promise<void> {
  const back = path.join(folder, `${key.replaceAll('/', '_')}.back`);
  await of.download(key, back, { signal });
  expect(hashOf(back)).toBe(hashOf(file));
}

async function through(judge: (request: string) => Verdict, work: (proxied: ObjectStore, requests: readonly string[]) => Promise<void>): Promise<void> {
  const proxy = await openProxy(s3Server().endpoint, judge);
  const proxied = openObjectStore({ ...settings, endpoint: proxy.url }, 'destination');
  try {
    await work(proxied, proxy.requests);
  } finally {
    proxied.close();
    await proxy.close();
  }
}

test('of twenty writers that create one object, one wins, and all read its text', async () => {
  const won = await Promise.all(Array.from({ length: 20 }, (_none, writer) => store.createText('race/plan.json', `writer ${writer}`)));
  expect(won.filter(Boolean)).toHaveLength(1);
  expect((await store.readText('race/plan.json'))!.text).toBe(`writer ${won.indexOf(true)}`);
});

test('of twenty writers that replace one version, one wins; an old version replaces nothing', async () => {
  await store.createText('head.json', 'first');
  const { etag } = (await store.readText('head.json'))!;
  const won = await Promise.all(Array.from({ length: 20 }, (_none, writer) => store.replaceText('head.json', `writer ${writer}`, etag)));
  expect(won.filter(Boolean)).toHaveLength(1);
  expect(await store.replaceText('head.json', 'late', etag)).toBe(false);
  expect((await store.readText('head.json'))!.text).toBe(`writer ${won.indexOf(true)}`);
});

test('lists more than a thousand keys of mixed case, each once, in byte order, and knows folders from objects', async () => {
  const keys = Array.from({ length: 1203 }, (_none, index) => `many/${index % 2 ? 'Part' : 'part'}-${String(index).padStart(5, '0')}.txt`).sort();
  for (let from = 0; from < keys.length; from += 64) await Promise.all(keys.slice(from, from + 64).map((key) => store.createText(key, 'x')));
  const found: string[] = [];
  for await (const { key } of store.list('many/')) found.push(key);
  expect(found).toEqual(keys);
  await store.createText('many/deeper/one.txt', 'x');
  const children = await store.children('many');
  expect(children).toHaveLength(1204);
  expect(children).toContain('many/deeper/');
  await store.remove(keys);
  expect(await store.children('many')).toEqual(['many/deeper/']);
}, 120_000);

test('takes up an upload that was cut off, and sends no part twice', async () => {
  const file = fileOf('resumed.bin', 16 * mebibyte);
  const client = s3Client();
  const place = { Bucket: settings.bucket, Key: 'some/lake/resumed.bin' };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...place, ChecksumAlgorithm: 'CRC32' }));
  const bytes = readFileSync(file);
  await client.send(new UploadPartCommand({ ...place, UploadId, PartNumber: 1, Body: bytes.subarray(0, 5 * mebibyte) }));
  // A part of another file, as an earlier attempt with other bytes would have left it.
  await client.send(new UploadPartCommand({ ...place, UploadId, PartNumber: 2, Body: randomBytes(5 * mebibyte) }));
  const proxy = await openProxy(s3Server().endpoint);
  const proxied = openObjectStore({ ...settings, endpoint: proxy.url, part_size: 5 }, 'destination');
  await proxied.upload('resumed.bin', file, { signal });
  expect(proxy.requests.filter((line) => line.includes('partNumber=')).map((line) => /partNumber=(\d+)/.exec(line)![1]).sort()).toEqual(['2', '3', '4']);
  expect(proxy.requests.filter((line) => /\?uploads/.test(line) && line.startsWith('POST'))).toEqual([]);
  await expectSame(store, 'resumed.bin', file);
  expect((await client.send(new ListMultipartUploadsCommand({ Bucket: settings.bucket }))).Uploads ?? []).toEqual([]);
  proxied.close();
  await proxy.close();
  client.destroy();
}, 120_000);

test('a lost reply to the end of an upload, or to a conditional write, changes nothing', async () => {
  const file = fileOf('lost.bin', 12 * mebibyte);
  let lost = 0;
  const judge = (line: string): Verdict => (line.startsWith('POST') && line.includes('uploadId=') && lost++ === 0 ? 'lose-answer' : 'pass');
  const proxy = await openProxy(s3Server().endpoint, judge);
  const proxied = openObjectStore({ ...settings, endpoint: proxy.url, part_size: 5 }, 'destination');
  expect((await proxied.upload('lost.bin', file, { signal })).bytes).toBe(12 * mebibyte);
  expect(lost).toBeGreaterThan(1);
  await expectSame(store, 'lost.bin', file);
  proxied.close();
  await proxy.close();

  let puts = 0;
  await through((line) => (line.startsWith('PUT') && puts++ === 0 ? 'lose-answer' : 'pass'), async (other) => {
    // The second try finds the first one's object: whoever reads what is there finds its own text.
    await other.createText('lost.json', 'mine');
    expect((await other.readText('lost.json'))!.text).toBe('mine');
  });
}, 120_000);

test('a download that breaks off goes on where it broke; one of a replaced object is refused', async () => {
  const file = fileOf('broken.bin', 6 * mebibyte);
  const { etag } = await store.upload('broken.bin', file, { signal });
  let gets = 0;
  await through((line) => (line.startsWith('GET') && gets++ < 2 ? 'break-off' : 'pass'), async (proxied) => expectSame(proxied, 'broken.bin', file));
  expect(gets).toBeGreaterThan(2);
  await store.upload('broken.bin', fileOf('other.bin', 100), { signal });
  const refused = await store.download('broken.bin', path.join(folder, 'x'), { signal, etag }).catch((error: unknown) => error);
  expect(isChanged(refused)).toBe(true);
});

test.each([
  ['a wrong secret', { secret_access_key: 'wrong' }, 'correct the credentials of the connection'],
  ['an unknown key', { access_key_id: 'nobody' }, 'correct the credentials of the connection'],
  ['a bucket that is not there', { bucket: 'no-such-bucket-here' }, 'correct "bucket" in connections.yaml'],
])('%s is held, with the remedy', async (_name, more, remedy) => {
  const wrong = openObjectStore({ ...settings, ...more }, 'destination');
  const error = await wrong.probe().catch((told: Error) => told) as Error;
  wrong.close();
  expect(error).toMatchObject({ disposition: 'hold', area: 'destination' });
  expect(error.message).toContain(remedy);
  expect(error.message).not.toContain(settings.secret_access_key);
});

test('a server that is killed in mid-upload leaves no half object; the next attempt goes on with the parts that arrived', async () => {
  const server = { folder: path.join(folder, 'server'), port: 0, log: () => undefined };
  const first = await startS3(server);
  const own = objectStoreSchema.parse({ bucket: 'killed', endpoint: first.endpoint, access_key_id: first.accessKeyId, secret_access_key: first.secretAccessKey, part_size: 5, parallel: 1 });
  const client = new S3Client({ endpoint: first.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: first });
  await client.send(new CreateBucketCommand({ Bucket: 'killed' }));
  const file = fileOf('killed.bin', 24 * mebibyte);
  const killed = openObjectStore(own, 'destination');
  const upload = killed.upload('killed.bin', file, { signal, progress: (bytes) => { if (bytes === 10 * mebibyte) process.kill(first.pid, 'SIGKILL'); } });
  await expect(upload).rejects.toMatchObject({ disposition: 'retry' });
  const second = await startS3(server);
  const again = openObjectStore({ ...own, endpoint: second.endpoint }, 'destination');
  expect(await again.describe('killed.bin')).toBeNull();
  const proxy = await openProxy(second.endpoint);
  const proxied = openObjectStore({ ...own, endpoint: proxy.url }, 'destination');
  await proxied.upload('killed.bin', file, { signal });
  expect(proxy.requests.filter((line) => line.includes('partNumber=')).length).toBeLessThan(5);
  await expectSame(again, 'killed.bin', file);
  for (const one of [killed, again, proxied, client]) 'close' in one ? one.close() : one.destroy();
  await proxy.close();
  await second.stop('SIGKILL');
}, 180_000);

test.each([
  ['AccessDenied', 403, 'writing', 'grant s3:PutObject on arn:aws:s3:::my-lake/warehouse/* to the principal'],
  ['AccessDenied', 403, 'listing', 'grant s3:ListBucket on arn:aws:s3:::my-lake to the principal'],
  ['403', 403, 'reading', 'grant s3:GetObject on arn:aws:s3:::my-lake/warehouse/*'],
  ['AccessDenied', 403, 'writing with a key of KMS', 'grant kms:GenerateDataKey and kms:Decrypt on the KMS key'],
  ['PermanentRedirect', 301, 'listing', 'the bucket lies in another region: set "region" in connections.yaml'],
  ['ExpiredToken', 400, 'reading', 'correct the credentials of the connection'],
])('%s (HTTP %i) while %s says what to do', (name, httpStatusCode, action, remedy) => {
  const error = new S3ServiceException({ name, message: action.includes('KMS') ? 'not authorized to perform: kms:GenerateDataKey' : 'no', $fault: 'client', $metadata: { httpStatusCode } });
  expect(translated(error, { role: 'destination', name: 's3://my-lake/warehouse' }, action.split(' ')[0]!, 'a.parquet')).toMatchObject({ disposition: 'hold', message: expect.stringContaining(remedy) as string });
});

test('a profile of the AWS files gives the credentials', async () => {
  const { accessKeyId, secretAccessKey } = s3Server();
  const file = path.join(folder, 'credentials');
  writeFileSync(file, `[etl]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`);
  const before = { ...process.env };
  Object.assign(process.env, { AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: path.join(folder, 'none') });
  const { access_key_id: _key, secret_access_key: _secret, ...rest } = settings;
  const profiled = openObjectStore({ ...rest, profile: 'etl' }, 'destination');
  try {
    await profiled.probe();
  } finally {
    profiled.close();
    process.env = before;
  }
});

test('each write asks for encryption by the key that is named', async () => {
  const seen: { readonly line: string; readonly headers: IncomingHttpHeaders }[] = [];
  // Not S3: it only looks at what is asked of it.
  const server = createServer((request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    request.resume();
    const started = request.method === 'POST' && request.url!.includes('uploads');
    request.on('end', () => response.writeHead(200, { etag: '"x-2"', 'content-type': 'application/xml' }).end(request.method === 'PUT' ? '' : started ? '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>' : '<Result><ETag>"x-2"</ETag></Result>'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const store = openObjectStore({ ...settings, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, kms_key: 'arn:aws:kms:eu-central-1:111122223333:key/k', part_size: 5 }, 'destination');
  await store.createText('small.json', '{}');
  await store.upload('big.bin', fileOf('encrypted.bin', 6 * mebibyte), { signal });
  const asking = seen.filter(({ line }) => /^PUT .*small\.json|^POST .*uploads/.test(line));
  expect(asking).toHaveLength(2);
  for (const { headers } of asking) expect(headers).toMatchObject({ 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'arn:aws:kms:eu-central-1:111122223333:key/k' });
  store.close();
  server.close();
});
