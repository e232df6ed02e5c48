import { createDatabase, type TestDatabase } from '../support/postgres';
import { startWarehouse, type TestWarehouse } from '../support/redshift';
import { install, type Installation } from '../support/worker';

/** Postgres → Redshift (its simulator): rows are exact whatever the Data API does. */
let database: TestDatabase;
let warehouse: TestWarehouse;
let place: Installation;
beforeAll(async () => {
  [database, warehouse] = [await createDatabase(), await startWarehouse()];
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nrs: ${warehouse.connection}\n`);
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await warehouse.close();
  await database.drop();
});

const yaml = (name: string, words: string) => `pipeline: ${name}\nsource: db\ndestination: rs\nstreams:\n  - { stream: ${name}_src, to: ${name}, settle: 30 seconds, ${words} }\n`;
const rows = (table: string) => warehouse.database.rows(`SELECT id, v FROM ${table} ORDER BY 1, 2`);

test('a stream is appended, run after run, and the ledger says so', async () => {
  await database.run(`CREATE TABLE a_src (id int, v text, at timestamptz); INSERT INTO a_src VALUES (1, 'a', '2026-01-01'), (2, NULL, '2026-01-02')`);
  const words = 'mode: incremental, cursor: at, write: append';
  expect(await place.run(yaml('a', words))).toMatchObject({ state: 'succeeded', totals: { read: 2, loaded: 2 } });
  await database.run(`INSERT INTO a_src VALUES (3, '', '2026-01-03')`);
  expect((await place.run(yaml('a', words))).totals).toMatchObject({ read: 1, loaded: 1 });
  expect(await rows('a')).toEqual([{ id: '1', v: 'a' }, { id: '2', v: null }, { id: '3', v: '' }]);
  expect(await warehouse.database.rows('SELECT state, rows FROM _millrace_loads ORDER BY batch_number')).toEqual([{ state: 'published', rows: '2' }, { state: 'published', rows: '1' }]);
});
