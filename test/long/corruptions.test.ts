import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { runPath } from '../../src/domain/ids';
import type { RunSummary } from '../../src/domain/receipt';
import { openObjectStore, type ObjectStore, type ObjectStoreSettings } from '../../src/stores/object-store';
import { openEngine, type Engine, type Session } from '../../src/transforms/duckdb-engine';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { createBucket } from '../support/s3';
import { install, type Installation } from '../support/worker';

/**
 * For every destination and every way of writing: two runs, of which the second rightly takes rows of the first away, and then twenty seeded
 * corruptions, one after another. Each must be found, and named with the batch that its row was loaded by; no other batch may be named.
 */
const corruptions = Number(process.env['MILLRACE_CORRUPTIONS'] ?? 20);
const signal = new AbortController().signal;
let database: TestDatabase;
let place: Installation;
let engine: Engine;
let settings: ObjectStoreSettings;
let objects: ObjectStore;
const options = { signal };

beforeAll(async () => {
  database = await createDatabase();
  settings = await createBucket({ prefix: 'lake' });
  objects = openObjectStore(settings, 'destination');
  const { bucket, endpoint, access_key_id: key, secret_access_key: secret } = settings;
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: proof.duckdb }\nlake: { connector: files, path: lake }\n` +
    `bucket: { connector: s3, bucket: ${bucket}, prefix: lake, endpoint: "${endpoint}", access_key_id: ${key}, secret_access_key: ${secret} }\n`);
  mkdirSync(path.join(place.home, 'lake'));
  await place.startWorker();
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(place.home, 'look'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  objects.close();
  await place.close();
  await database.drop();
});

/** Small, seeded, the same on every machine (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
type Random = ReturnType<typeof randomFrom>;
const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[random(items.length)]!;

/** Another value for each column, whatever it was. */
const other: Readonly<Record<string, string>> = {
  n: 'coalesce(n, 0) + 0.001', f: 'coalesce(f, 0) + 0.5', t: "coalesce(t, '') || ' '", d: "coalesce(d, DATE '2026-01-01') + 1", flag: 'NOT coalesce(flag, false)',
  u: "CAST('00000000-0000-0000-0000-00000000000f' AS uuid)", big: 'coalesce(big, 0) + 1', ts: "coalesce(ts, TIMESTAMP '2026-01-01') + INTERVAL '1 microsecond'",
};
const columns = Object.keys(other);

interface Way {
  readonly write: string;
  readonly words: string;
  /** What happens at the source between the two runs. */
  readonly between: (table: string) => string;
  readonly second?: string;
}
const later = (table: string, where: string) => `UPDATE ${table} SET t = t || '!', at = at + interval '1 day' WHERE ${where}`;
const ways: readonly Way[] = [
  { write: 'append', words: 'mode: incremental, write: append, cursor: at, settle: 30 seconds', between: (table) => `INSERT INTO ${table} SELECT id + 100, grp, big, n, f, t, d, ts, flag, u, at + interval '1 hour' FROM ${table} WHERE id <= 20` },
  { write: 'replace', words: 'mode: full, write: replace', between: (table) => later(table, 'id < 9') },
  { write: 'merge', words: 'mode: full, write: merge, key: id, order_by: at', between: (table) => later(table, 'id % 7 = 0') },
  { write: 'delete_insert', words: 'mode: full, write: delete_insert, by: [grp]', between: (table) => later(table, 'grp = 1'), second: ', steps: [{ filter: { where: "grp = 1" } }]' },
  { write: 'scd2', words: 'mode: full, write: scd2, key: id, cursor: at', between: (table) => `${later(table, 'id % 7 = 0')}; UPDATE ${table} SET t = 'corrected' WHERE id = 5` },
];

interface Loaded {
  readonly table: string;
  readonly first: RunSummary;
  readonly second: RunSummary;
}

async function load(destination: string, { write, words, between, second = '' }: Way, more = ''): Promise<Loaded> {
  const table = `${write}_${destination}${more.includes('csv') ? '_csv' : ''}`;
  const from = `from_${table}`;
  await database.run(`CREATE TABLE ${from} (id int PRIMARY KEY, grp int, big bigint, n numeric(12,3), f double precision, t text, d date, ts timestamp, flag boolean, u uuid, at timestamptz);
    INSERT INTO ${from} SELECT k, k % 3, k * 1000000007::bigint, CASE WHEN k % 11 = 0 THEN NULL ELSE k * 1.001 END, k / 7.0, CASE WHEN k % 5 = 0 THEN NULL WHEN k % 5 = 1 THEN '' ELSE 'thing ' || k END, date '2026-01-01' + k, timestamp '2026-01-01' + k * interval '1 hour', k % 2 = 0, md5(k::text)::uuid, timestamptz '2026-01-01' + k * interval '1 minute' FROM generate_series(1, 60) k; ANALYZE ${from}`);
  const yaml = (steps: string) => `pipeline: ${table}\nsource: db\ndestination: ${destination}\nstreams:\n  - { stream: ${from}, to: ${table}, partition: { rows: 20 }, ${words}${more}${steps} }\n`;
  const one = await place.run(yaml(''));
  await database.run(between(from));
  const two = await place.run(yaml(second));
  expect([one.state, two.state, one.streams[0]!.batches > 1 || write === 'append']).toEqual(['succeeded', 'succeeded', true]);
  return { table, first: one, second: two };
}

const verify = ({ run }: RunSummary) => place.verify(run.workflowId);

/** Wrong batches of both runs; of the table as a whole null. */
async function wrongBatches({ first, second }: Loaded): Promise<readonly (string | null)[]> {
  const reports = [await verify(first), await verify(second)];
  return [...new Set(reports.flatMap(({ streams }) => streams[0]!.findings.map(({ batch }) => batch)))];
}

async function expectNothing({ first, second }: Loaded): Promise<void> {
  for (const run of [first, second]) expect(await verify(run)).toMatchObject({ ok: true, receiptProblems: [], streams: [{ findings: [] }] });
}

const inDuckdb = <Result>(work: (session: Session) => Promise<Result>): Promise<Result> => engine.file(path.join(place.home, 'proof.duckdb'), { readOnly: false }, signal, work);

describe.each(['db', 'duck'])('in %s', (destination) => {
  const rows = (sql: string): Promise<readonly Readonly<Record<string, string | null>>[]> => (destination === 'db' ? database.rows(sql) : inDuckdb((session) => session.rows(sql)));
  const run = async (sql: string): Promise<void> => { await (destination === 'db' ? database.run(sql) : inDuckdb((session) => session.run(sql))); };

  /** One row of the table is deleted, doubled under another key, given another key, or another value, or none, in one column. */
  function corruptionOf(table: string, random: Random, where: string): { readonly what: string; readonly sql: string } {
    const column = oneOf(random, columns);
    const kinds = [
      { what: 'deleted', sql: `DELETE FROM ${table} WHERE ${where}` },
      { what: 'added', sql: `CREATE TABLE added AS SELECT * FROM ${table} WHERE ${where}; UPDATE added SET id = id + 1000; INSERT INTO ${table} SELECT * FROM added; DROP TABLE added` },
      { what: 'given another key', sql: `UPDATE ${table} SET id = id + 1000 WHERE ${where}` },
      { what: `changed in ${column}`, sql: `UPDATE ${table} SET ${column} = ${other[column]} WHERE ${where}` },
      { what: `changed in ${column}`, sql: `UPDATE ${table} SET ${column} = ${other[column]} WHERE ${where}` },
      { what: 'emptied in big', sql: `UPDATE ${table} SET big = NULL WHERE ${where}` },
    ];
    return oneOf(random, kinds);
  }

  test.each(ways)('$write', async (way) => {
    const loaded = await load(destination, way);
    const { table } = loaded;
    await expectNothing(loaded);
    await run(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
    const random = randomFrom(20261124 + ways.indexOf(way));
    const there = await rows(`SELECT t.id, t._millrace_batch_id AS number, l.batch_id AS batch FROM ${table} t JOIN _millrace_loads l ON l.batch_number = t._millrace_batch_id ORDER BY t.id, t._millrace_batch_id`);
    const missed: unknown[] = [];
    for (let nth = 0; nth < corruptions; nth += 1) {
      const row = oneOf(random, there);
      const { what, sql } = corruptionOf(table, random, `id = ${row['id']} AND _millrace_batch_id = ${row['number']}`);
      await run(sql);
      const found = await wrongBatches(loaded);
      if (JSON.stringify(found) !== JSON.stringify([row['batch']])) missed.push({ nth, what, row, found });
      await run(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept_${table}`);
    }
    expect(missed).toEqual([]);
    await expectNothing(loaded);
  });
});

describe.each(['lake', 'bucket'])('in %s', (destination) => {
  const scratch = (name: string) => path.join(place.home, name);
  const local = (key: string) => path.join(place.home, 'lake', key);
  async function filesOf(table: string): Promise<readonly string[]> {
    const found: string[] = [];
    if (destination === 'bucket') for await (const { key } of objects.list(`${table}/`)) found.push(key);
    else for (const entry of readdirSync(local(table), { recursive: true, withFileTypes: true })) if (entry.isFile()) found.push(path.relative(local(''), path.join(entry.parentPath, entry.name)));
    return found.filter((file) => !file.startsWith(`${table}/_millrace`)).sort();
  }
  const fetch = async (key: string, to: string) => { if (destination === 'bucket') await objects.download(key, to, options); else copyFileSync(local(key), to); };
  const put = async (key: string, from: string) => { if (destination === 'bucket') await objects.upload(key, from, options); else copyFileSync(from, local(key)); };
  const remove = async (key: string) => { if (destination === 'bucket') await objects.remove([key]); else rmSync(local(key)); };

  /** Batches by their number, as the proofs of both runs and the manifests name them: a file carries the number in its name. */
  const batchOf = async ({ table, first, second }: Loaded, key: string): Promise<string> => {
    const number = /^b(\d+)-/.exec(path.basename(key))![1]!;
    const names = new Map<string, string>();
    for (const document of await manifestsOf(table)) names.set(document.number, document.batchId);
    const found = names.get(number)!;
    expect([first, second].some(({ run: ref }) => found.startsWith(runPath(ref)))).toBe(true);
    return found;
  };
  async function manifestsOf(table: string): Promise<readonly { readonly number: string; readonly batchId: string }[]> {
    const keys: string[] = [];
    if (destination === 'bucket') for await (const { key } of objects.list(`${table}/_millrace/f`)) keys.push(key);
    else for (const entry of readdirSync(local(`${table}/_millrace`), { recursive: true, withFileTypes: true })) if (entry.isFile() && /\/f\d+$/.test(entry.parentPath)) keys.push(path.relative(local(''), path.join(entry.parentPath, entry.name)));
    const found: { readonly number: string; readonly batchId: string }[] = [];
    for (const key of keys.filter((one) => one.endsWith('.json') && !one.includes('/notes/'))) {
      await fetch(key, scratch('manifest.json'));
      found.push(await engine.session(signal, async (session) => {
        const row = await session.row(`SELECT number, batchId FROM read_json('${scratch('manifest.json').replaceAll("'", "''")}', columns = {number: 'VARCHAR', batchId: 'VARCHAR'})`);
        return { number: row['number']!, batchId: row['batchId']! };
      }));
    }
    return found;
  }

  /** The file again with one row changed, without one, or with one more. */
  async function rewrite(file: string, random: Random, csv: boolean): Promise<string> {
    const name = file.replaceAll("'", "''");
    const from = csv ? `read_csv('${name}', all_varchar = true, header = true)` : `read_parquet('${name}', hive_partitioning = false)`;
    return engine.session(signal, async (session) => {
      await session.run(`CREATE TEMP TABLE file AS SELECT * FROM ${from}`);
      const ids = (await session.rows('SELECT id FROM file ORDER BY id')).map((row) => row['id']!);
      const id = oneOf(random, ids);
      const column = csv ? 't' : oneOf(random, columns);
      const { what, sql } = oneOf(random, [
        { what: `row ${id} deleted`, sql: `DELETE FROM file WHERE id = ${id}` },
        { what: `row ${id} doubled`, sql: `INSERT INTO file SELECT * FROM file WHERE id = ${id}` },
        ...Array.from({ length: 3 }, () => ({ what: `row ${id} changed in ${column}`, sql: `UPDATE file SET ${column} = ${other[column]} WHERE id = ${id}` })),
      ]);
      await session.run(sql);
      await session.run(`COPY file TO '${name}' (${csv ? 'FORMAT csv, HEADER true' : 'FORMAT parquet'})`);
      await session.run('DROP TABLE file');
      return what;
    });
  }

  const grouped = ', target: { partition_by: [grp] }';
  const kinds = ways.filter(({ write }) => write !== 'merge' && write !== 'scd2').map((way) => ({ ...way, more: way.write === 'delete_insert' ? grouped : '' }));
  test.each([...kinds, { ...kinds[1]!, more: ', target: { format: csv }' }])('$write$more', async ({ more, ...way }) => {
    const loaded = await load(destination, way, more);
    await expectNothing(loaded);
    const files = await filesOf(loaded.table);
    const random = randomFrom(11242026 + files.length);
    const [kept, spoilt] = [scratch('kept'), scratch('spoilt')];
    const missed: unknown[] = [];
    for (let nth = 0; nth < corruptions; nth += 1) {
      const file = oneOf(random, files);
      const batch = await batchOf(loaded, file);
      await fetch(file, kept);
      copyFileSync(kept, spoilt);
      const kind = random(10);
      let what = 'file deleted';
      let expected: string | null = batch;
      const extra = `${path.dirname(file)}/stray.${more.includes('csv') ? 'csv' : 'parquet'}`;
      if (kind === 0) await remove(file);
      else if (kind === 1) { await put(extra, kept); what = 'file added'; expected = null; }
      else { what = await rewrite(spoilt, random, more.includes('csv')); await put(file, spoilt); }
      const found = await wrongBatches(loaded);
      if (JSON.stringify(found) !== JSON.stringify([expected])) missed.push({ nth, what, file, expected, found });
      if (kind === 1) await remove(extra);
      await put(file, kept);
    }
    expect(missed).toEqual([]);
    await expectNothing(loaded);
  });
});
