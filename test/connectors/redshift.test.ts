import { createDatabase, type TestDatabase } from '../support/postgres';
import { openWarehouse, type Warehouse } from '../support/redshift';
import { events, millrace, useInstallation } from '../support/millrace';
import { install, type Installation } from '../support/worker';

/** Postgres → Redshift: its simulator, or the warehouse that MILLRACE_TEST_REDSHIFT_* names. What goes wrong on the way is in test/long/redshift.test.ts. */
let database: TestDatabase;
let warehouse: Warehouse;
let place: Installation;
let restore: () => void;
beforeAll(async () => {
  [database, warehouse] = await Promise.all([createDatabase(), openWarehouse()]);
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nrs: ${warehouse.connection}\nstrict: ${JSON.stringify({ ...JSON.parse(warehouse.connection), misfits: 'hold' })}\n`);
  restore = useInstallation(place);
  await place.startWorker();
});
afterAll(async () => {
  restore();
  await place.close();
  await warehouse.close();
  await database.drop();
});

const yaml = (name: string, words: string, to = 'rs') => `pipeline: ${name}\nsource: db\ndestination: ${to}\nstreams:\n  - { stream: ${name}_src, to: ${name}, settle: 30 seconds, ${words} }\n`;
const source = (name: string, values: string) => database.run(`CREATE TABLE ${name}_src (id int, v text, at timestamptz); INSERT INTO ${name}_src VALUES ${values}`);
const rows = (table: string) => warehouse.rows(`SELECT CAST(id AS VARCHAR) AS id, v FROM ${warehouse.schema}.${table} ORDER BY 1, 2`);

test('a stream is appended, run after run; the ledger says so, and verify finds a row that somebody changed', async () => {
  await source('rs_a', `(1, 'a\\b', '2026-01-01'), (2, NULL, '2026-01-02')`);
  const words = 'mode: incremental, cursor: at, write: append';
  const first = await place.run(yaml('rs_a', words));
  expect(first).toMatchObject({ state: 'succeeded', totals: { read: 2, loaded: 2 } });
  await database.run(`INSERT INTO rs_a_src VALUES (3, '', '2026-01-03')`);
  expect((await place.run(yaml('rs_a', words))).totals).toMatchObject({ read: 1, loaded: 1 });
  expect(await rows('rs_a')).toEqual([{ id: '1', v: 'a\\b' }, { id: '2', v: null }, { id: '3', v: '' }]);
  expect(await warehouse.rows(`SELECT state, CAST("rows" AS VARCHAR) AS n FROM ${warehouse.schema}._millrace_loads WHERE stream = 'rs_a_src' ORDER BY batch_number`)).toEqual([{ state: 'published', n: '2' }, { state: 'published', n: '1' }]);
  expect(await place.verify(first.run.workflowId)).toMatchObject({ ok: true, streams: [{ level: 'rows', state: 'intact' }] });
  await warehouse.run(`UPDATE ${warehouse.schema}.rs_a SET v = 'forged' WHERE id = 1`);
  expect(JSON.stringify(await place.verify(first.run.workflowId))).toContain('rows were changed');
});

test('an append that was renamed is refused until it takes the place of the old one, and goes on where that stopped', async () => {
  await source('rs_r', `(1, 'a', '2026-01-01')`);
  const words = 'mode: incremental, cursor: at, write: append';
  await place.run(yaml('rs_r', words));
  const renamed = yaml('rs_r', words).replace('pipeline: rs_r', 'pipeline: rs_renamed');
  expect((await place.run(renamed)).streams[0]!.error!.message).toContain(`it holds rows of stream "rs_r_src" of pipeline "rs_r"`);
  expect((await millrace('state', 'adopt', 'rs_renamed', 'rs_r_src', '--from', 'rs_r/rs_r_src', '--why', 'renamed')).code).toBe(0);
  await database.run(`INSERT INTO rs_r_src VALUES (2, 'b', '2026-01-02')`);
  expect((await place.run(renamed)).totals).toMatchObject({ read: 1, loaded: 1 });
  expect(await rows('rs_r')).toEqual([{ id: '1', v: 'a' }, { id: '2', v: 'b' }]);
});

test('scd2: a version per change, missing keys end, what is late is set aside', async () => {
  await source('rs_s', `(1, 'a', '2026-01-01'), (2, 'b', '2026-01-01')`);
  const words = 'mode: full, write: scd2, key: id, cursor: at';
  expect((await place.run(yaml('rs_s', words))).totals).toMatchObject({ read: 2, loaded: 2 });
  await database.run(`UPDATE rs_s_src SET v = 'a2', at = '2026-02-01' WHERE id = 1; DELETE FROM rs_s_src WHERE id = 2; INSERT INTO rs_s_src VALUES (1, 'late', '2025-12-01')`);
  expect(await place.run(yaml('rs_s', words))).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 2, loaded: 1, rejected: 1 } });
  expect(await warehouse.rows(`SELECT CAST(id AS VARCHAR) AS id, v, TO_CHAR(valid_from, 'YYYY-MM-DD') AS since, CASE WHEN is_current THEN 'yes' ELSE 'no' END AS now FROM ${warehouse.schema}.rs_s ORDER BY id, valid_from`)).toEqual([
    { id: '1', v: 'a', since: '2026-01-01', now: 'no' }, { id: '1', v: 'a2', since: '2026-02-01', now: 'yes' }, { id: '2', v: 'b', since: '2026-01-01', now: 'no' },
  ]);
});

test('a table of somebody else, a column that is too narrow and a value that cannot be held are told, and nothing is written', async () => {
  await source('rs_n', `(1, 'äöü', '2026-01-01')`);
  await warehouse.run(`CREATE TABLE ${warehouse.schema}.rs_n (id int, v varchar(5), at timestamptz); INSERT INTO ${warehouse.schema}.rs_n VALUES (9, 'mine', NULL)`);
  const failed = async (words: string) => (await place.run(`${yaml('rs_n', words, 'strict')}on_failure: fail\n`)).streams[0]!.error!.message;
  expect(await failed('mode: full, write: replace')).toContain('did not create this table');
  expect(await failed('mode: full, write: merge, key: id')).toMatch(/"v" has 1 values that are longer than 5 bytes/);
  await database.run('ALTER TABLE rs_n_src ADD COLUMN f float8; UPDATE rs_n_src SET v = \'a\', f = \'NaN\'');
  expect(await failed('mode: full, write: merge, key: id')).toMatch(/"f" has 1 values that are NaN or infinity/);
  expect(await rows('rs_n')).toEqual([{ id: '9', v: 'mine' }]);
});

test('rows that the table cannot hold are set aside with what is wrong, the rest is loaded; what may not fit is said beforehand', async () => {
  await source('rs_q', `(1, 'äöü', '2026-01-01'), (2, 'ok', '2026-01-02'), (3, NULL, '2026-01-03'), (4, 'ok', 'infinity')`);
  await database.run(`ALTER TABLE rs_q_src ADD COLUMN f float8; UPDATE rs_q_src SET f = CASE id WHEN 1 THEN 'NaN' ELSE 0.5 END`);
  await warehouse.run(`CREATE TABLE ${warehouse.schema}.rs_q (id int, v varchar(5) NOT NULL, at timestamptz, f float8)`);
  const run = await place.run(yaml('rs_q', 'mode: full, write: merge, key: id'));
  expect(run).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 4, loaded: 1, rejected: 3 } });
  expect(run.streams[0]!.notes).toEqual([expect.stringMatching(/"v" of "\S+rs_q" has room for 5 bytes, the stream's text may have more: rows with longer text are set aside/)]);
  const told = events(await millrace('quarantine', 'show', run.run.workflowId, '--json')).map(({ step, reasons }) => ({ step, reasons }));
  expect(told).toEqual([[['v', 'is longer than 5 bytes'], ['f', 'is NaN or infinity']], [['v', 'is NULL, which the table does not take']], [['at', 'is infinity']]].map((reasons) => ({ step: 'destination', reasons: reasons.map(([column, reason]) => ({ column, reason })) })));
  expect(await rows('rs_q')).toEqual([{ id: '2', v: 'ok' }]);
  expect(await place.verify(run.run.workflowId)).toMatchObject({ ok: true, streams: [{ state: 'intact' }] });
});

test('a table that is there with a column that takes no NULL and that the stream does not have is refused before anything is read', async () => {
  await source('rs_u', `(1, 'a', '2026-01-01')`);
  await warehouse.run(`CREATE TABLE ${warehouse.schema}.rs_u (id int, v varchar(5), at timestamptz, owner varchar(20) NOT NULL, since date DEFAULT '2026-01-01' NOT NULL)`);
  const refused = await place.run(`${yaml('rs_u', 'mode: full, write: merge, key: id')}on_failure: fail\n`);
  expect(refused.streams[0]!.error!.message).toMatch(/its column "owner" takes no NULL, and the stream does not have it; give it a default/);
});
