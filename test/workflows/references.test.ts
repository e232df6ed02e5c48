import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, nextDate, summaryOf, type Installation } from '../support/worker';
import { once } from 'node:events';

const mark = randomBytes(4).toString('hex');
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
let restore: () => void;

beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await source.run('CREATE TABLE orders (id bigint PRIMARY KEY, customer int, at date)');
  await source.run("INSERT INTO orders SELECT n, n % 4, date '2026-01-01' + n::int FROM generate_series(1, 40) n");
  await source.run('ANALYZE orders');
  await source.run('CREATE TABLE customers (id int PRIMARY KEY, name text, changed timestamptz)');
  await source.run("INSERT INTO customers SELECT n, 'customer ' || n, timestamptz '2026-01-01' + n * interval '1 day' FROM generate_series(0, 2) n");
  await database.run('CREATE TABLE prices (code text, since date, amount numeric(10,2))');
  await database.run("INSERT INTO prices VALUES ('a', '2026-01-01', 1.00), ('a', '2026-01-21', 2.50)");
  place = await install(connections(source, database));
  restore = useInstallation(place);
});
afterAll(async () => {
  restore();
  await place.close();
  await source.drop();
  await database.drop();
});

const pipeline = (name: string, destination: string, streams: string): string => `pipeline: ${name}_${mark}\nsource: shop\ndestination: ${destination}\nlimits: { concurrency: 1 }\nstreams:\n${streams}`;
const orders = (to: string, words: string): string => `  - { stream: orders, to: ${to}, mode: full, write: replace, partition: { rows: 10 }, ${words} }\n`;

test('every batch sees a table and a file as they were when the stream was planned, also after a crash and a change between them', async () => {
  const file = path.join(place.home, 'regions.csv');
  writeFileSync(file, 'id,region\n0,north\n1,south\n2,west\n3,east\n');
  await source.run('CREATE TABLE names AS SELECT * FROM customers');
  const yaml = pipeline('pinned', 'db', orders('pinned', `steps: [
    { lookup: { connection: shop, table: names, on: { customer: id }, columns: [name], on_miss: default, default: { name: nobody } } },
    { lookup: { file: regions.csv, on: { customer: id }, columns: [region] } } ]`));
  const first = await place.startWorker('transform:after-batch');
  const handle = await place.start(yaml, nextDate());
  await once(first, 'exit');
  await source.run("UPDATE names SET name = 'another'");
  writeFileSync(file, 'id,region\n0,other\n');
  const second = await place.startWorker();
  expect((await summaryOf(handle)).streams[0]).toMatchObject({ state: 'succeeded', totals: { loaded: 40 } });
  expect(await database.rows('SELECT customer, name, region, count(*)::text AS n FROM pinned GROUP BY 1, 2, 3 ORDER BY 1')).toEqual([
    { customer: '0', name: 'customer 0', region: 'north', n: '10' }, { customer: '1', name: 'customer 1', region: 'south', n: '10' },
    { customer: '2', name: 'customer 2', region: 'west', n: '10' }, { customer: '3', name: 'nobody', region: 'east', n: '10' },
  ]);
  second.kill('SIGTERM');
  await once(second, 'exit');
});

describe('with a worker', () => {
  beforeAll(() => place.startWorker());

  test('a stream that is read by increments is looked up in its target, whole, and in no staged increment', async () => {
    for (const destination of ['db', 'duck']) {
      const yaml = pipeline(`published_${destination}`, destination, `  - { stream: customers, to: people, mode: incremental, cursor: changed, write: merge, key: [id], settle: 30 seconds }\n${orders('sold', 'steps: [{ lookup: { stream: customers, on: { customer: id }, columns: [name], on_miss: error } }]')}`);
      const before = await place.run(yaml);
      expect(before.streams.map(({ stream, totals }) => [stream, totals.loaded, totals.rejected])).toEqual([['customers', expect.any(Number), 0], ['orders', 30, 10]]);
      await source.run("INSERT INTO customers VALUES (3, 'customer 3', '2026-03-01')");
      const after = await place.run(yaml);
      // Only the new customer is read; all four are found.
      expect(after.streams.map(({ stream, totals }) => [stream, totals.loaded, totals.rejected])).toEqual([['customers', 1, 0], ['orders', 40, 0]]);
      await source.run('DELETE FROM customers WHERE id = 3');
    }
  });

  test('rows that were not found are replayed once the table, or the target of the other stream, has their key', async () => {
    await source.run('CREATE TABLE known AS SELECT id, name, changed FROM customers WHERE id < 2');
    const lookups = ['{ stream: customers, on: { customer: id }, columns: [name], on_miss: error }', '{ connection: shop, table: known, on: { customer: id }, columns: { again: name }, on_miss: error }'];
    const yaml = pipeline('replayed', 'db', `  - { stream: customers, to: people_too, mode: incremental, cursor: changed, write: merge, key: [id], settle: 30 seconds }\n${orders('found', `steps: [{ lookup: ${lookups[0]} }, { lookup: ${lookups[1]} }]`)}`);
    const date = nextDate();
    expect((await place.run(yaml, date)).streams[1]!.totals).toMatchObject({ read: 40, loaded: 20, rejected: 20 });
    await source.run("INSERT INTO known SELECT id, name, changed FROM customers WHERE id = 2");
    await database.run("INSERT INTO people_too (id, name) VALUES (3, 'by hand')");
    const replay = events(await millrace('quarantine', 'replay', `replayed_${mark}/run-${date}`, '--json'));
    expect(replay.at(-1)!['summary']).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 20, loaded: 10, rejected: 10 } });
    expect(await database.row('SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids FROM found')).toEqual({ n: '30', ids: '30' });
  });

  test('joins by the price that held then, from a table of another connection, and checks keys against one', async () => {
    const yaml = pipeline('priced', 'duck', orders('priced', `steps: [
      { add: { columns: { code: "'a'" } } },
      { join: { connection: db, table: prices, on: [code], as_of: { ours: at, theirs: since }, columns: [amount] } },
      { aggregate: { by: [amount], measures: { n: "count(*)" } } } ],
      checks: [{ relationships: { column: amount, to: { connection: db, table: prices, column: amount }, on_fail: warn } }]`));
    const summary = await place.run(yaml);
    expect(summary.streams[0]).toMatchObject({ state: 'succeeded', totals: { read: 40, loaded: 2, aggregated: 38 }, checks: [{ check: 'relationships', passed: true }] });
    expect(await place.verify(`priced_${mark}`)).toMatchObject({ ok: true });

    const file = path.join(place.home, 'priced.yaml');
    writeFileSync(file, yaml);
    const planned = await millrace('plan', file, '--json');
    expect(planned.out).toContain('"amount"');
    const shown = events(await millrace('preview', file, '--json'));
    expect(JSON.stringify(shown)).toContain('"2.50"');
  });

  test('a table that is not there holds the run with what to do', async () => {
    const yaml = `${pipeline('gone', 'db', orders('gone', 'steps: [{ lookup: { connection: shop, table: nowhere, on: { customer: id }, columns: [name] } }]'))}on_failure: fail\n`;
    expect((await place.run(yaml)).streams[0]).toMatchObject({ state: 'failed', error: { area: 'source', message: expect.stringMatching(/nowhere/) as string } });
  });
});
