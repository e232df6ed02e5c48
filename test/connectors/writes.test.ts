import { connectors } from '../../src/connectors/registry';
import { openConnection } from '../../src/connectors/postgres/connection';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { openWarehouse, type Warehouse } from '../support/redshift';
import { install, nextDate, summaryOf, type Installation } from '../support/worker';

/** What the words of `write` and `mode` mean for the rows, run after run, on Postgres, DuckDB and Redshift (semantics 4 and 8). */
let database: TestDatabase;
let warehouse: Warehouse;
let place: Installation;
beforeAll(async () => {
  [database, warehouse] = await Promise.all([createDatabase(), openWarehouse()]);
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: writes.duckdb }\nrs: ${warehouse.connection}\n`);
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await warehouse.close();
  await database.drop();
});

const yaml = (name: string, words: string, source = 'src', destination = 'db') =>
  `pipeline: ${name}\nsource: db\ndestination: ${destination}\nstreams:\n  - { stream: ${source}, to: ${name}, settle: 30 seconds, ${words} }\n`;
const rows = (table: string) => database.rows(`SELECT id, v FROM ${table} ORDER BY 1, 2`);

async function source(name: string, values: string): Promise<void> {
  await database.run(`CREATE TABLE ${name} (id int, v text, at timestamptz)`);
  await database.run(`INSERT INTO ${name} VALUES ${values}`);
}

/** Files, in folders or buckets, have a suite of their own: file-destination.test.ts. */
const destinations = { db: 'postgres', duck: 'duckdb', rs: 'redshift' };
test('every destination with tables in the registry is tried', () => {
  expect(connectors.filter(({ openDestination, holdsTables }) => openDestination && holdsTables).map(({ name }) => name).sort()).toEqual(Object.values(destinations).sort());
});

describe.each(Object.keys(destinations))('into %s', (destination) => {
  const back = async (name: string): Promise<readonly Record<string, string | null>[]> => {
    if (destination === 'rs') return warehouse.rows(`SELECT CAST(id AS VARCHAR) AS id, v FROM ${warehouse.schema}.${name} ORDER BY 1, 2`);
    if (destination === 'db') return rows(name);
    await place.run(`pipeline: ${name}_back\nsource: duck\ndestination: db\nstreams:\n  - { stream: ${name}, to: ${name}_back, mode: full, write: replace }\n`);
    return rows(`${name}_back`);
  };
  const named = (name: string) => `${name}_${destination}`;

  test('merge: newer stays, equal is not written again, a key twice counts once', async () => {
    const [from, name] = [named('m_src'), named('m')];
    await source(from, `(1, 'a', '2026-01-01'), (1, 'a newer', '2026-01-03'), (2, 'b', '2026-01-02')`);
    const words = 'mode: incremental, cursor: at, write: merge, key: id, lookback: 10 days';
    const first = await place.run(yaml(name, words, from, destination));
    expect(first.totals).toMatchObject({ read: 3, loaded: 2, deduplicated: 1 });
    // Redshift counts both kinds together.
    expect(first.streams[0]!.notes).toContainEqual(expect.stringMatching(destination === 'rs' ? /^1 row had a key .*, or .* counted as deduplicated$/ : /^1 row had a key that came more than once in what was read; of each key the newest by "at" is kept, .* deduplicated$/));
    await database.run(`INSERT INTO ${from} VALUES (2, 'b newer', '2026-01-04'), (1, 'a older', '2026-01-02'), (3, 'c', '2026-01-04')`);
    const second = await place.run(yaml(name, words, from, destination));
    expect(second.totals).toMatchObject({ read: 6, loaded: 2, deduplicated: 4 });
    if (destination !== 'rs') expect(second.streams[0]!.notes).toEqual(expect.arrayContaining([expect.stringMatching(/^3 rows had a key/), '1 row matched what the table has already, or a newer version of it: nothing was written, counted as deduplicated']));
    expect(await back(name)).toEqual([{ id: '1', v: 'a newer' }, { id: '2', v: 'b newer' }, { id: '3', v: 'c' }]);
  });

  test('merge: an order that the steps drop is kept beside the row, and still tells which is newer', async () => {
    const [from, name] = [named('o_src2'), named('o2')];
    await source(from, `(1, 'a', '2026-01-02')`);
    const words = 'mode: full, write: merge, key: id, order_by: at, steps: [{ drop: { columns: [at] } }, { filter: { where: "id > 0" } }]';
    await place.run(yaml(name, words, from, destination));
    await database.run(`UPDATE ${from} SET v = 'older', at = '2026-01-01'`);
    expect((await place.run(yaml(name, words, from, destination))).totals).toMatchObject({ read: 1, loaded: 0, deduplicated: 1 });
    await database.run(`UPDATE ${from} SET v = 'newer', at = '2026-01-03'`);
    expect((await place.run(yaml(name, words, from, destination))).totals).toMatchObject({ read: 1, loaded: 1 });
    expect(await back(name)).toEqual([{ id: '1', v: 'newer' }]);
    if (destination === 'db') expect(await database.rows(`SELECT _millrace_order::date::text AS day FROM ${name}`)).toEqual([{ day: '2026-01-03' }]);
  });

  test('merge: a row without a key is set aside', async () => {
    const [from, name] = [named('k_src'), named('k')];
    await source(from, `(1, 'a', '2026-01-01'), (NULL, 'no key', '2026-01-02')`);
    expect(await place.run(yaml(name, 'mode: full, write: merge, key: id', from, destination))).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 2, loaded: 1, rejected: 1 } });
  });

  test('append, incremental: reads what is new, once; an instant without news reads nothing', async () => {
    const [from, name] = [named('a_src'), named('a')];
    await source(from, `(1, 'a', '2026-01-01'), (2, 'b', '2026-01-02')`);
    const words = 'mode: incremental, cursor: at, write: append';
    expect((await place.run(yaml(name, words, from, destination))).totals).toMatchObject({ read: 2, loaded: 2 });
    expect((await place.run(yaml(name, words, from, destination))).totals).toMatchObject({ read: 0, loaded: 0 });
    await database.run(`INSERT INTO ${from} VALUES (3, 'c', '2026-01-02 00:00:01')`);
    expect((await place.run(yaml(name, words, from, destination))).totals).toMatchObject({ read: 1, loaded: 1 });
    expect(await back(name)).toHaveLength(3);
  });

  test('append with lookback and key: a row that is there is the same row, a newer version is appended', async () => {
    const [from, name] = [named('l_src'), named('l')];
    await source(from, `(1, 'a', '2026-01-01'), (2, 'b', '2026-01-02')`);
    const words = 'mode: incremental, cursor: at, write: append, key: id, lookback: 1 day';
    await place.run(yaml(name, words, from, destination));
    await database.run(`INSERT INTO ${from} VALUES (2, 'b again', '2026-01-03')`);
    const second = await place.run(yaml(name, words, from, destination));
    expect(second).toMatchObject({ totals: { loaded: 1, deduplicated: 1 }, streams: [{ notes: expect.arrayContaining([expect.stringContaining('has already, by key and cursor')]) as string[] }] });
    expect(await back(name)).toHaveLength(3);
  });

  test('delete_insert by groups replaces the groups that are read, whole, and leaves the others', async () => {
    const [from, name] = [named('d_src'), named('d')];
    await source(from, `(1, 'x', '2026-01-01'), (1, 'y', '2026-01-01'), (2, 'z', '2026-01-01')`);
    const words = 'mode: full, write: delete_insert, by: [id]';
    await place.run(yaml(name, words, from, destination));
    await database.run(`DELETE FROM ${from} WHERE id = 2 OR v = 'y'`);
    const summary = await place.run(yaml(name, words, from, destination));
    expect(summary.streams[0]).toMatchObject({ deleted: 2, totals: { loaded: 1 } });
    expect(await back(name)).toEqual([{ id: '1', v: 'x' }, { id: '2', v: 'z' }]);
  });

  test('replace: the table is what was read last; no rows at all over a table with rows is held', async () => {
    const [from, name] = [named('r_src'), named('r')];
    await source(from, `(1, 'a', '2026-01-01'), (2, 'b', '2026-01-02')`);
    await place.run(yaml(name, 'mode: full, write: replace', from, destination));
    await database.run(`DELETE FROM ${from} WHERE id = 1`);
    expect((await place.run(yaml(name, 'mode: full, write: replace', from, destination))).streams[0]).toMatchObject({ deleted: 2, totals: { loaded: 1 } });
    await database.run(`DELETE FROM ${from}`);
    const failed = await place.run(`${yaml(name, 'mode: full, write: replace', from, destination)}on_failure: fail\n`);
    expect(failed).toMatchObject({ state: 'failed', streams: [{ error: { message: expect.stringContaining('the source gave no rows') as string } }] });
    expect(await back(name)).toEqual([{ id: '2', v: 'b' }]);
  });
});

test('replace keeps views, grants and indexes of the table', async () => {
  await source('v_src', `(1, 'a', '2026-01-01')`);
  await place.run(yaml('v', 'mode: full, write: replace', 'v_src'));
  await database.run('CREATE VIEW v_view AS SELECT count(*) AS n FROM v; CREATE INDEX v_index ON v (id)');
  await database.run(`INSERT INTO v_src VALUES (2, 'b', '2026-01-01')`);
  await place.run(yaml('v', 'mode: full, write: replace', 'v_src'));
  expect(await database.row('SELECT n::text FROM v_view')).toEqual({ n: '2' });
  expect(await database.rows(`SELECT 1 FROM pg_indexes WHERE indexname = 'v_index'`)).toHaveLength(1);
});

test('a table that Millrace did not make, with rows in it, is not replaced', async () => {
  await source('f_src', `(1, 'a', '2026-01-01')`);
  await database.run(`CREATE TABLE f (id int, v text, at timestamptz); INSERT INTO f VALUES (9, 'precious', NULL)`);
  expect(await place.run(yaml('f', 'mode: full, write: replace', 'f_src'))).toMatchObject({ state: 'failed', streams: [{ error: { message: expect.stringContaining('did not create') as string } }] });
  expect(await rows('f')).toEqual([{ id: '9', v: 'precious' }]);
});

test('a transaction that is still open holds the watermark back: its row is read by the next run', async () => {
  await source('o_src', `(1, 'a', now() - interval '1 day')`);
  await database.run('CREATE TABLE o_gate (x int)');
  const other = await openConnection(database.config, 'source', 'some application');
  await other.run('BEGIN');
  await other.run(`INSERT INTO o_src VALUES (2, 'late', now())`);
  await database.run(`INSERT INTO o_src VALUES (3, 'c', now())`);
  const words = 'mode: incremental, cursor: at, write: append';
  const now = () => new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z/, 'Z');
  const first = await place.run(yaml('o', words, 'o_src'), now());
  expect(first.streams[0]!.notes.join()).toContain('watermark held back by process');
  await other.run('COMMIT');
  await other.close();
  await place.run(yaml('o', words, 'o_src'), new Date(Date.now() + 7_200_000).toISOString().replace(/\.\d+Z/, 'Z'));
  expect((await rows('o')).map((row) => row['id'])).toEqual(['1', '2', '3']);
});

test('a block check stops the stream before anything is visible, and the next run cleans up and loads', async () => {
  await source('b_src', `(1, 'a', '2026-01-01'), (1, 'b', '2026-01-01')`);
  const hidden = () => database.rows(`SELECT relname FROM pg_class WHERE relname LIKE '\\_millrace\\_s\\_%' ORDER BY 1`);
  const before = await hidden();
  const words = 'mode: full, write: replace, checks: [{ unique: { columns: [id] } }]';
  const failed = await place.run(yaml('b', words, 'b_src'));
  expect(failed).toMatchObject({ state: 'failed', streams: [{ error: { area: 'check', message: expect.stringContaining('1 rows repeat a key') as string } }] });
  expect(await rows('b')).toEqual([]);
  await database.run(`DELETE FROM b_src WHERE v = 'b'`);
  expect((await place.run(yaml('b', words, 'b_src'))).state).toBe('succeeded');
  expect(await hidden()).toEqual(before);
  expect(await database.rows(`SELECT DISTINCT state FROM _millrace_loads WHERE pipeline = 'b' ORDER BY 1`)).toEqual([{ state: 'published' }, { state: 'rolled_back' }]);
});

test('receipts are chained, and a second execution of a logical date is a generation of its own', async () => {
  await source('g_src', `(1, 'a', '2026-01-01')`);
  const date = nextDate();
  const words = 'mode: full, write: replace';
  const first = await summaryOf(await place.start(yaml('g', words, 'g_src'), date));
  const second = await summaryOf(await place.start(yaml('g', words, 'g_src'), date));
  expect([first.run.generation, second.run.generation]).toEqual([1, 2]);
  expect(second.previous).toBe(first.hash);
});
