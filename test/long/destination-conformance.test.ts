import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connectors } from '../../src/connectors/registry';
import type { RunSummary } from '../../src/domain/receipt';
import { useEngine } from '../support/chain';
import { createHardValues } from '../support/hard-values';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { openWarehouse, type Warehouse } from '../support/redshift';
import { createBucket } from '../support/s3';
import { install, type Installation } from '../support/worker';

/** What `Destination` promises (src/connectors/destination.ts), of every destination in the registry and every write it has. To add one: give it a connection here. */
const destinations = connectors.filter(({ openDestination }) => openDestination).map((connector) => [connector.name, connector.capabilities!] as const);
let source: TestDatabase;
let target: TestDatabase;
let warehouse: Warehouse;
let place: Installation;
const engine = useEngine();
beforeAll(async () => {
  [source, target, warehouse] = await Promise.all([createDatabase(), createDatabase(), openWarehouse()]);
  const { bucket, endpoint, access_key_id: key, secret_access_key: secret } = await createBucket();
  const connections: Readonly<Record<string, string>> = {
    postgres: `{ connector: postgres, url: "${target.url}" }`, duckdb: '{ connector: duckdb, path: out.duckdb }', files: '{ connector: files, path: lake }', redshift: warehouse.connection,
    s3: `{ connector: s3, bucket: ${bucket}, endpoint: "${endpoint}", access_key_id: ${key}, secret_access_key: ${secret} }`,
  };
  expect(Object.keys(connections).sort()).toEqual(destinations.map(([name]) => name).sort());
  place = await install(`shop: { connector: postgres, url: "${source.url}" }\n${Object.entries(connections).map(([name, words]) => `${name}: ${words}\n`).join('')}`);
  mkdirSync(path.join(place.home, 'lake'));
  await createHardValues(source);
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await warehouse.close();
  await source.drop();
  await target.drop();
});

const words: Readonly<Record<string, string>> = {
  append: 'mode: incremental, cursor: at, visible: run', replace: 'mode: full', merge: 'mode: incremental, cursor: at, key: [id]', delete_insert: 'mode: full, by: [part]', scd2: 'mode: full, cursor: at, key: [id]',
};
/** Loaded of 30 rows, of nothing new, and of one row more. */
const expected: Readonly<Record<string, readonly [first: number, again: number, more: number]>> = { append: [30, 0, 1], merge: [30, 0, 1], replace: [30, 30, 31], delete_insert: [30, 30, 31], scd2: [30, 0, 1] };
const loaded = ({ streams }: RunSummary): Readonly<Record<string, number>> => Object.fromEntries(streams.map(({ stream, totals }) => [stream.split('_').slice(1).join('_'), totals.loaded]));

test.each(destinations)('%s: each write loads every row once, again nothing twice, and what is new; each run proves it', async (name, { writes }) => {
  const byFolder = name === 'files' || name === 's3';
  for (const write of writes) {
    await source.run(`CREATE TABLE ${name}_${write} (id bigint PRIMARY KEY, part text NOT NULL, note text, total numeric(12,2), at timestamptz NOT NULL)`);
    await source.run(`INSERT INTO ${name}_${write} SELECT n, 'p' || n % 3, CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'é "quoted", ' || n END, n * 1.01, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 30) n`);
  }
  const yaml = `pipeline: all_${name}\nsource: shop\ndestination: ${name}\non_failure: fail\nstreams:\n${writes.map((write) =>
    `  - { stream: ${name}_${write}, write: ${write}, settle: 30 seconds, ${words[write]!}${byFolder && write === 'delete_insert' ? ', target: { partition_by: [part] }' : ''} }\n`).join('')}`;
  const of = (which: 0 | 1 | 2): Readonly<Record<string, number>> => Object.fromEntries(writes.map((write) => [write, expected[write]![which]]));
  expect(loaded(await place.run(yaml))).toEqual(of(0));
  expect(loaded(await place.run(yaml))).toEqual(of(1));
  for (const write of writes) await source.run(`INSERT INTO ${name}_${write} VALUES (31, 'p1', 'new', 1, '2026-02-01')`);
  expect(loaded(await place.run(yaml))).toEqual(of(2));
  expect(await place.verify(`all_${name}`)).toMatchObject({ ok: true });
}, 120_000);

/** Asks a destination that has tables, in its own SQL; null: it has none. */
const askerOf = (name: string): ((sql: string) => Promise<readonly Readonly<Record<string, string | null>>[]>) | null => {
  if (name === 'postgres') return (sql) => target.rows(sql);
  if (name === 'redshift') return (sql) => (/^SELECT/.test(sql) ? warehouse.rows(sql.replaceAll('"public"', warehouse.schema)) : warehouse.run(sql.replace(/(TABLE|INTO) /, `$1 ${warehouse.schema}.`)).then(() => []));
  if (name === 'duckdb') return (sql) => engine.get().file(path.join(place.home, 'out.duckdb'), { readOnly: false }, new AbortController().signal, (session) => session.rows(sql));
  return null;
};

describe('nothing is dropped, narrowed or taken from others', () => {
  const columnsSql = (schema: string, table: string): string => `SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = '${schema}' AND table_name = '${table}' ORDER BY column_name`;
  const schemaOf = (name: string): string => ({ postgres: 'public', duckdb: 'main', redshift: warehouse.schema })[name]!;
  const tables = destinations.filter(([name]) => ['postgres', 'duckdb', 'redshift'].includes(name));
  it('is asked of every destination', () => expect(tables.map(([name]) => name).concat('files', 's3').sort()).toEqual(destinations.map(([name]) => name).sort()));

  test.each(tables)('%s: a column that the source has lost or made narrower, and one that somebody has added, stay as they are under every write', async (name, { writes }) => {
    const ask = askerOf(name)!;
    for (const write of writes) {
      await source.run(`CREATE TABLE kept_${name}_${write} (id bigint PRIMARY KEY, part text NOT NULL, note text, total numeric(12,2), at timestamptz NOT NULL)`);
      await source.run(`INSERT INTO kept_${name}_${write} SELECT n, 'p' || n % 3, 'note', n * 1.01, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 9) n`);
    }
    const yaml = `pipeline: kept_${name}\nsource: shop\ndestination: ${name}\non_failure: fail\nstreams:\n${writes.map((write) => `  - { stream: kept_${name}_${write}, write: ${write}, settle: 30 seconds, contract: { columns: evolve, types: evolve }, ${words[write]!} }\n`).join('')}`;
    expect((await place.run(yaml)).state).toBe('succeeded');
    for (const write of writes) await ask(`ALTER TABLE kept_${name}_${write} ADD COLUMN theirs int`);
    const before = await Promise.all(writes.map((write) => ask(columnsSql(schemaOf(name), `kept_${name}_${write}`))));
    for (const write of writes) await source.run(`ALTER TABLE kept_${name}_${write} DROP COLUMN note, ALTER COLUMN total TYPE numeric(8,2); INSERT INTO kept_${name}_${write} VALUES (10, 'p1', 1, '2026-02-01')`);
    const again = await place.run(yaml);
    expect(again.streams.map(({ stream, error }) => [stream, error])).toEqual(writes.map((write) => [`kept_${name}_${write}`, null]));
    for (const [index, write] of writes.entries()) expect(await ask(columnsSql(schemaOf(name), `kept_${name}_${write}`))).toEqual(before[index]);
  });

  test.each(tables)('%s: rows that Millrace did not load are replaced with --allow-destructive alone, and the plan says so', async (name) => {
    const ask = askerOf(name)!;
    await source.run(`CREATE TABLE own_${name} (id bigint PRIMARY KEY); INSERT INTO own_${name} VALUES (1)`);
    await ask(`CREATE TABLE own_${name} (id bigint)`);
    await ask(`INSERT INTO own_${name} VALUES (7)`);
    const yaml = `pipeline: own_${name}\nsource: shop\ndestination: ${name}\non_failure: fail\nstreams:\n  - { stream: own_${name}, mode: full, write: replace }\n`;
    const refused = await place.run(yaml);
    expect(refused.streams[0]!.error?.message).toMatch(/did not create this table and it has rows.*--allow-destructive/);
    const ids = () => ask(`SELECT CAST(id AS VARCHAR) AS id FROM ${name === 'redshift' ? `${warehouse.schema}.` : ''}own_${name}`).then((rows) => rows.map(({ id }) => id));
    expect(await ids()).toEqual(['7']);
    expect((await place.run(yaml, undefined, { allowDestructive: true })).state).toBe('succeeded');
    expect(await ids()).toEqual(['1']);
    expect((await place.run(yaml)).state).toBe('succeeded');
  });

  test('files: what else lies in the folder of a table stays', async () => {
    await source.run('CREATE TABLE own_files (id bigint PRIMARY KEY); INSERT INTO own_files VALUES (1)');
    const folder = path.join(place.home, 'lake', 'own_files');
    mkdirSync(path.join(folder, 'run=theirs'), { recursive: true });
    for (const file of ['theirs.parquet', 'run=theirs/theirs.parquet']) writeFileSync(path.join(folder, file), 'theirs');
    const yaml = (write: string) => `pipeline: own_files_${write}\nsource: shop\ndestination: files\non_failure: fail\nstreams:\n  - { stream: own_files, mode: full, ${write === 'append' ? 'write: append, snapshot: true, to: own_files_a' : `write: ${write}`} }\n`;
    for (const _time of [1, 2]) expect((await place.run(yaml('replace'))).state).toBe('succeeded');
    for (const file of ['theirs.parquet', 'run=theirs/theirs.parquet']) expect(existsSync(path.join(folder, file))).toBe(true);
    expect(readdirSync(folder).filter((entry) => entry.startsWith('run=')).length).toBeGreaterThan(1);
  });
});

// Redshift cannot hold some of them: what it does then is in hard-values.test.ts.
test.each(destinations.filter(([name]) => name !== 'redshift'))('%s: the hard values of every type arrive, as the proof of each row says', async (name) => {
  const summary = await place.run(`pipeline: hard_${name}\nsource: shop\ndestination: ${name}\non_failure: fail\nstreams:\n  - { stream: hard, to: hard_${name}, mode: full, write: replace, proof: full }\n`);
  expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 5, loaded: 5, rejected: 0 } });
  expect(await place.verify(`hard_${name}`, true)).toMatchObject({ ok: true });
});
