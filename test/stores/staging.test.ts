import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { measureFile } from '../../src/stores/checksum';
import { openLocalStaging } from '../../src/stores/local-staging';
import { openObjectStore, type ObjectStoreSettings } from '../../src/stores/object-store';
import { openS3Staging } from '../../src/stores/s3-staging';
import type { StagingStore } from '../../src/stores/staging';
import { openNamedStaging } from '../../src/stores/open-staging';
import { createBucket, s3Server } from '../support/s3';

/** Both stores keep the same promises; the second opening is another worker, with S3 one on another machine. */
let folder: string;
let settings: ObjectStoreSettings;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace staging '));
  settings = await createBucket({ prefix: 'staging', part_size: 5 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const s3 = (machine: string): Promise<StagingStore> => openS3Staging({ settings, cache: path.join(folder, machine), cacheLimit: 1e9 });
const local = (): Promise<StagingStore> => openLocalStaging(path.join(folder, 'local'));
/** Spoils what was sealed, behind the store's back. */
const spoil: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  local: async (key) => writeFileSync(path.join(folder, 'local', key), 'other'),
  s3: async (key) => {
    const store = openObjectStore(settings, 'staging');
    await store.remove([key]);
    await store.createText(key, 'other');
    store.close();
  },
};

describe.each<[string, () => Promise<StagingStore>, () => Promise<StagingStore>]>([['local', local, local], ['s3', () => s3('here'), () => s3('there')]])('%s', (name, open, openOther) => {
  let store: StagingStore;
  let other: StagingStore;
  beforeAll(async () => {
    store = await open();
    other = await openOther();
  });

  test('has one id for all workers that share it', () => expect(other.id).toBe(store.id));

  test('keeps the first writer\'s document, whoever writes it', async () => {
    const texts = await Promise.all(Array.from({ length: 12 }, (_none, writer) => (writer % 2 ? store : other).putIfAbsent('run/plan.json', `writer ${writer}`)));
    expect(new Set(texts).size).toBe(1);
    expect(await other.read('run/plan.json')).toBe(texts[0]);
    expect(await store.read('run/nothing.json')).toBeNull();
  });

  test('gives a sealed file to another worker with its bytes, and says which one is damaged or missing', async () => {
    const place = await store.create('run/0001', 'parquet');
    writeFileSync(place.path, 'rows'.repeat(2_000_000));
    const file = await store.seal(place.key);
    expect(file.bytes).toBe(8_000_000);
    expect(readFileSync(await other.fetch(file), 'utf8')).toBe('rows'.repeat(2_000_000));
    const second = await store.create('run/0001', 'parquet');
    writeFileSync(second.path, 'rows');
    const damaged = await store.seal(second.key);
    await spoil[name]!(damaged.key);
    await expect(other.fetch(damaged)).rejects.toMatchObject({ name: 'StagingDamagedError', disposition: 'hold' });
    await expect(other.fetch({ ...file, key: 'run/0001/none.parquet' })).rejects.toThrow('is missing');
  });

  test('takes what was measured as a file was written, unless another size lies there', async () => {
    const { key, path: file } = await store.create('run-m/s/0001', 'csv');
    writeFileSync(file, '1,a\n');
    const measured = await measureFile(file);
    expect(measured).toEqual({ bytes: 4, checksum: crc32('1,a\n').toString(16).padStart(8, '0') });
    expect(await store.seal(key, measured)).toEqual({ key, ...measured });
    await expect(store.seal(key, { ...measured, bytes: 5 })).rejects.toThrow(`"${key}": it has 4 bytes, 5 were written`);
  });

  test('sweeps data files and keeps documents and what is asked to be kept', async () => {
    for (const part of ['0002', '0003']) {
      const place = await store.create(`swept/${part}`, 'csv');
      writeFileSync(place.path, part);
      await store.seal(place.key);
    }
    await store.putIfAbsent('swept/0002/manifest.json', '{}');
    const [kept] = await store.list('swept/0003');
    await store.sweep('swept', new Set([kept!]));
    expect(await other.list('swept/0002')).toEqual(['swept/0002/manifest.json']);
    expect(await other.list('swept/0003')).toEqual([kept]);
    expect(await other.list('swept')).toEqual(['swept/0002/', 'swept/0003/']);
    await store.sweep('never-there', new Set());
  });
});

test('an address of which the bucket is not there is refused with what to correct, and makes none', async () => {
  const { endpoint, accessKeyId, secretAccessKey } = s3Server();
  const before = { ...process.env };
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
  try {
    const open = () => openNamedStaging(`s3://no-such-bucket-${Date.now()}/x?endpoint=${encodeURIComponent(endpoint)}`, { home: folder, stagingCache: 1e9 });
    await expect(open()).rejects.toThrow('correct the bucket of the staging address or create it');
  } finally {
    process.env = before;
  }
});
