import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openObjectStore, type ObjectStore, type ObjectStoreSettings } from '../../src/stores/object-store';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { createBucket } from '../support/s3';
import { install, type Installation } from '../support/worker';

/** Tables as files, in a folder and in a bucket: the same promises. */
let source: TestDatabase;
let database: TestDatabase;
let settings: ObjectStoreSettings;
let objects: ObjectStore;
let place: Installation;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await source.run(`CREATE TABLE sales (id bigint PRIMARY KEY, month text NOT NULL, amount numeric(12,2) NOT NULL, at timestamptz NOT NULL)`);
  await source.run(`INSERT INTO sales SELECT n, CASE WHEN n <= 600 THEN '2026-01' ELSE '2026-02' END, n * 1.01, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 1000) n`);
  settings = await createBucket({ prefix: 'lake' });
  objects = openObjectStore(settings, 'destination');
  const { bucket, endpoint, access_key_id: key, secret_access_key: secret } = settings;
  place = await install(`shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${database.url}" }\nfolder: { connector: files, path: lake }\n` +
    `bucket: { connector: s3, bucket: ${bucket}, prefix: lake, endpoint: "${endpoint}", access_key_id: ${key}, secret_access_key: ${secret} }\n`);
  mkdirSync(path.join(place.home, 'lake'));
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  objects.close();
  await source.drop();
  await database.drop();
});

const yaml = (destination: string, table: string, words: string): string =>
  `pipeline: ${table}\nsource: shop\ndestination: ${destination}\non_failure: fail\nstreams:\n  - { stream: sales, to: ${table}, ${words} }\n`;

/** Data files of a table, as a reader of its folder meets them. */
async function filesOf(destination: string, table: string): Promise<readonly string[]> {
  const found: string[] = [];
  if (destination === 'bucket') for await (const { key } of objects.list(`${table}/`)) found.push(key.slice(table.length + 1));
  else for (const entry of readdirSync(path.join(place.home, 'lake', table), { recursive: true, withFileTypes: true })) if (entry.isFile()) found.push(path.relative(path.join(place.home, 'lake', table), path.join(entry.parentPath, entry.name)));
  return found.filter((file) => !file.startsWith('_millrace')).sort();
}

/** Rows per month, read back through Millrace. */
async function monthsOf(destination: string, table: string, files: string): Promise<readonly unknown[]> {
  const back = `pipeline: back_${table}\nsource: ${destination}\ndestination: db\non_failure: fail\nstreams:\n  - { stream: "${table}/${files}", to: back_${table}, mode: full, write: replace, naming: keep, types: { month: VARCHAR, amount: "DECIMAL(12,2)" }, steps: [{ select: { columns: [id, month, amount] } }] }\n`;
  const summary = await place.run(back);
  expect(summary.streams[0]!.error).toBeNull();
  return database.rows(`SELECT month, count(*)::text AS n, sum(amount)::text AS amount FROM back_${table} GROUP BY 1 ORDER BY 1`);
}

describe.each(['folder', 'bucket'])('%s', (destination) => {
  const tableOf = (name: string): string => `${name}_${destination}`;
  const all = [{ month: '2026-01', n: '600', amount: '182103.00' }, { month: '2026-02', n: '400', amount: '323402.00' }];

  test('a replacing run leaves its own files alone', async () => {
    const table = tableOf('replaced');
    expect((await place.run(yaml(destination, table, 'mode: full, write: replace'))).totals).toMatchObject({ read: 1000, loaded: 1000 });
    const first = await filesOf(destination, table);
    const second = await place.run(yaml(destination, table, 'mode: full, write: replace'));
    expect(second.streams[0]).toMatchObject({ state: 'succeeded', deleted: 1000 });
    const now = await filesOf(destination, table);
    expect(now).toHaveLength(first.length);
    expect(now.filter((file) => first.includes(file))).toEqual([]);
    expect(await monthsOf(destination, table, 'run=*/*.parquet')).toEqual(all);
  });

  test('appends what is new, in folders by column, and a group that comes again replaces its folder only', async () => {
    const table = tableOf('grouped');
    const words = 'mode: full, write: delete_insert, by: [month], target: { partition_by: [month] }';
    expect((await place.run(yaml(destination, table, words))).totals).toMatchObject({ loaded: 1000 });
    const before = await filesOf(destination, table);
    expect(before.map((file) => path.dirname(file))).toEqual(['month=2026-01', 'month=2026-02']);
    const again = await place.run(yaml(destination, table, `${words}, steps: [{ filter: { where: "id > 700" } }]`));
    expect(again.streams[0]).toMatchObject({ state: 'succeeded', totals: { read: 1000, filtered: 700, loaded: 300 }, deleted: 400 });
    const after = await filesOf(destination, table);
    expect(after.filter((file) => file.startsWith('month=2026-01'))).toEqual(before.filter((file) => file.startsWith('month=2026-01')));
    expect(await monthsOf(destination, table, '*/*.parquet')).toEqual([all[0], { month: '2026-02', n: '300', amount: '257701.50' }]);
  });

  test('folders may be named for times', async () => {
    const summary = await place.run(yaml(destination, tableOf('timed'), `mode: full, write: replace, target: { partition_by: [hour] }, steps: [{ add: { columns: { hour: 'date_trunc(''hour'', "at")' } } }]`));
    expect(summary.streams[0]).toMatchObject({ error: null, totals: { loaded: 1000 } });
  });

  test.each([
    ['csv', '{ csv: { compression: gzip } }', '*.csv.gz'],
    ['jsonl', 'jsonl', '*.jsonl'],
  ])('writes %s', async (format, target, files) => {
    const table = tableOf(format);
    const summary = await place.run(yaml(destination, table, `mode: incremental, cursor: id, write: append, target: { format: ${target} }`));
    expect(summary.streams[0]).toMatchObject({ error: null, totals: { loaded: 1000 } });
    expect(await monthsOf(destination, table, files)).toEqual(all);
  });

  test('cuts files at the size that is aimed at', async () => {
    const table = tableOf('sized');
    await place.run(yaml(destination, table, 'mode: full, write: replace, target: { format: csv, file_size: 8KB }'));
    expect((await filesOf(destination, table)).length).toBeGreaterThan(1);
    expect(await monthsOf(destination, table, 'run=*/*.csv')).toEqual(all);
  });

  test('refuses a table of another stream, and groups that are no folders', async () => {
    const table = tableOf('replaced');
    const other = await place.run(`pipeline: stranger_${destination}\nsource: shop\ndestination: ${destination}\non_failure: fail\nstreams:\n  - { stream: sales, to: ${table}, mode: full, write: replace }\n`);
    expect(other.streams[0]!.error!.message).toContain(`belongs to stream "sales" of pipeline "${table}"`);
    const loose = await place.run(yaml(destination, tableOf('loose'), 'mode: full, write: delete_insert, by: [month]'));
    expect(loose.streams[0]!.error!.message).toContain('"month" is none');
  });
});

test('every line of JSON Lines is JSON: numbers that JSON has no word for are text', async () => {
  await source.run(`CREATE TABLE floats (id int PRIMARY KEY, d double precision, r real); INSERT INTO floats VALUES (1, 'NaN', 'Infinity'), (2, '-Infinity', 'NaN'), (3, 0.1, NULL)`);
  const summary = await place.run(`pipeline: floats\nsource: shop\ndestination: folder\non_failure: fail\nstreams:\n  - { stream: floats, mode: full, write: replace, target: { format: jsonl } }\n`);
  expect(summary.streams[0]!.error).toBeNull();
  const [file] = await filesOf('folder', 'floats');
  const lines = readFileSync(path.join(place.home, 'lake', 'floats', file!), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ d, r }) => [d, r])).toEqual([['NaN', 'Infinity'], ['-Infinity', 'NaN'], [0.1, null]]);
});
