import { createHardValues, textsOf } from '../support/hard-values';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

/** Postgres → staged Parquet → Postgres: every value comes back as it was, or is set aside; never altered silently. */
let database: TestDatabase;
let place: Installation;
beforeAll(async () => {
  database = await createDatabase();
  await createHardValues(database);
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nlake: { connector: files, path: lake }\nduck: { connector: duckdb, path: hard.duckdb }\n`);
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await database.drop();
});

const pipeline = (name: string, to: string, steps = '') => `pipeline: ${name}\nsource: db\ndestination: db\nstreams:\n  - { stream: hard, to: ${to}, mode: full, write: replace${steps} }\n`;
const texts = (table: string) => textsOf(database, table);

test('brings every value of every type back unchanged, with its type', async () => {
  const summary = await place.run(pipeline('hard_plain', 'hard_copy'));
  expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 5, loaded: 5 } });
  expect(await texts('hard_copy')).toEqual(await texts('hard'));
  const types = (table: string) => database.rows(`SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attname NOT LIKE '\\_millrace%' ORDER BY attnum`, [table]);
  expect(await types('hard_copy')).toEqual(await types('hard'));
});

test('keeps every value also where a step makes the rows pass through a table', async () => {
  await place.run(pipeline('hard_steps', 'hard_steps', ', steps: [{ filter: { where: "id >= 0" } }]'));
  expect(await texts('hard_steps')).toEqual(await texts('hard'));
});

const pipelineOf = (table: string, to: string, steps: string) => `pipeline: ${to}\nsource: db\ndestination: db\nstreams:\n  - { stream: ${table}, to: ${to}, mode: full, write: replace${steps} }\n`;
test.each([
  ['n numeric(10,2)', "'NaN'", '1.50'], ['d date', "'0044-03-15 BC'", "'2026-01-01'"], ['ts timestamp', "'0044-03-15 01:02:03 BC'", "'2026-01-01'"],
  ['tstz timestamptz', "'0044-03-15 01:02:03+00 BC'", "'infinity'"], ['tstz timestamptz', "'294276-12-31 23:59:59.999999+00'", "'-infinity'"],
])('sets a row aside whose %s the staged type cannot hold (%s), and loads the others', async (column, bad, good) => {
  const name = `hard_${Math.abs([...(column + bad)].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7))}`;
  await database.run(`CREATE TABLE ${name} (id int PRIMARY KEY, ${column})`);
  await database.run(`INSERT INTO ${name} VALUES (1, ${bad}), (2, ${good}), (3, NULL)`);
  const staged = await place.run(pipelineOf(name, `${name}_staged`, ', steps: [{ filter: { where: "id > 0" } }]'));
  expect(staged.totals).toMatchObject({ read: 3, loaded: 2, rejected: 1 });
  expect(await texts(`${name}_staged`)).toEqual((await texts(name)).slice(1));
  // Where nothing is done to them, rows go from database to database in Postgres' own text, which holds them all.
  const passed = await place.run(pipelineOf(name, `${name}_passed`, ''));
  expect(passed.totals).toMatchObject({ read: 3, loaded: 3, rejected: 0 });
  expect(await texts(`${name}_passed`)).toEqual(await texts(name));
});
