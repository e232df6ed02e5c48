import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectStoreSettings } from '../../src/stores/object-store';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { createBucket, s3Client } from '../support/s3';
import { install, summaryOf, type Installation } from '../support/worker';

/** Objects as a source: read once, changes noticed, whatever is replaced while it is read. */
let database: TestDatabase;
let bucket: ObjectStoreSettings;
let client: S3Client;
let place: Installation;
beforeAll(async () => {
  database = await createDatabase();
  bucket = await createBucket({ prefix: 'drops' });
  client = s3Client();
  const { endpoint, access_key_id: key, secret_access_key: secret } = bucket;
  place = await install(`in: { connector: s3, bucket: ${bucket.bucket}, prefix: drops, endpoint: "${endpoint}", access_key_id: ${key}, secret_access_key: ${secret} }\ndb: { connector: postgres, url: "${database.url}" }\n`);
});
afterAll(async () => {
  await place.close();
  client.destroy();
  await database.drop();
});

const put = (name: string, content: string | Buffer) => client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: `drops/${name}`, Body: content }));
const yaml = (name: string, file: string, words: string) => `pipeline: ${name}\nsource: in\ndestination: db\non_failure: fail\nstreams:\n  - { stream: "${file}", to: ${name}, ${words} }\n`;

test('objects are read once, whatever their format and compression, and a changed one is noticed', async () => {
  await place.startWorker();
  const words = 'mode: incremental, write: append, visible: run';
  await put('day 1.csv.gz', gzipSync('id,code\n1,007\n2,008\n'));
  await put('other/day9.csv', 'id,code\n9,999\n');
  expect((await place.run(yaml('days', 'day*.csv*', words))).totals).toMatchObject({ read: 2, loaded: 2 });
  await put('day2.csv', 'id,code\n3,009\n');
  expect((await place.run(yaml('days', 'day*.csv*', words))).totals).toMatchObject({ read: 1, loaded: 1 });
  expect((await place.run(yaml('days', 'day*.csv*', words))).totals).toMatchObject({ read: 0, loaded: 0 });
  await put('day2.csv', 'id,code\n3,010\n4,011\n');
  expect(await place.run(yaml('days', 'day*.csv*', words))).toMatchObject({ state: 'failed', streams: [{ error: { area: 'source', message: expect.stringContaining('changed after it was loaded') as string } }] });
  expect((await place.run(yaml('days', 'day*.csv*', `${words}, changed_file: reload`))).totals).toMatchObject({ read: 2, loaded: 2 });
  expect((await database.rows('SELECT code FROM days ORDER BY 1')).map((row) => row['code'])).toEqual(['007', '008', '010', '011']);
}, 120_000);

test.each([
  ['replaced', () => put('moving.csv', 'id,code\n1,002\n2,003\n'), 'changed since the run was planned'],
  ['removed', () => client.send(new DeleteObjectCommand({ Bucket: bucket.bucket, Key: 'drops/moving.csv' })), 'has vanished since the run was planned'],
])('an object that is %s between plan and reading is noticed, and nothing of it is loaded', async (how, change, message) => {
  await put('moving.csv', 'id,code\n1,001\n');
  const name = `moving_${how}`;
  const other = await install(readFileSync(place.connectionsFile, 'utf8'));
  try {
    const worker = await other.startWorker('plan:after-plan');
    const gone = once(worker, 'exit');
    const handle = await other.start(yaml(name, 'moving.csv', 'mode: full, write: replace'));
    await gone;
    await change();
    await other.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'failed', streams: [{ error: { area: 'source', message: expect.stringContaining(message) as string } }] });
    expect(await database.rows('SELECT 1 FROM pg_tables WHERE tablename = $1 AND EXISTS (SELECT 1 FROM _millrace_loads WHERE pipeline = $1)', [name])).toEqual([]);
  } finally {
    await other.close();
  }
}, 120_000);
