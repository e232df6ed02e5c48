import { randomBytes } from 'node:crypto';
import { events, millrace, useInstallation } from '../support/millrace';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';
import { install, type Installation } from '../support/worker';

/** Rows that COPY refuses although nothing foresaw it: the simulator does so on demand. */
/** A run that a failed attempt leaves behind keeps its pipeline's name. */
const mark = randomBytes(3).toString('hex');
let database: TestDatabase;
let warehouse: SimulatedWarehouse;
let place: Installation;
let restore: () => void;
beforeAll(async () => {
  [database, warehouse] = await Promise.all([createDatabase(), startWarehouse()]);
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

test.each([['append', 'snapshot: true', 'rows'], ['merge', 'key: id', 'rows'], ['scd2', 'key: id', 'rows'], ['replace', 'lineage: false', 'rows']])('rows that COPY into Redshift refuses though nothing foresaw it are set aside with its words, and the others are loaded (%s, %s)', async (write, words, level) => {
  const name = `refused_${write}_${mark}`;
  await database.run(`CREATE TABLE ${name} (id int PRIMARY KEY, v text, n numeric(10,2))`);
  await database.run(`INSERT INTO ${name} VALUES (1, E'two\nlines', 1.5), (2, 'odd ${name}', 2), (3, NULL, 3), (4, E'more\r\nlines, odd ${name}', 4), (5, 'five', 5)`);
  await warehouse.fault({ kind: 'refuse', text: `odd ${name}` });
  const run = await place.run(`pipeline: ${name}\nsource: db\ndestination: rs\nstreams:\n  - { stream: ${name}, to: ${name}, mode: full, write: ${write}, ${words} }\n`);
  expect(run).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 5, loaded: 3, rejected: 2 } });
  expect(await warehouse.database.rows(`SELECT id, v, n FROM ${name} ORDER BY id`)).toEqual([{ id: '1', v: 'two\nlines', n: '1.50' }, { id: '3', v: null, n: '3.00' }, { id: '5', v: 'five', n: '5.00' }]);
  const told = events(await millrace('quarantine', 'show', run.run.workflowId, '--json')) as unknown as { step: string; raw: string; reasons: unknown }[];
  expect(told.map(({ step, raw, reasons }) => ({ step, id: (JSON.parse(raw) as { id: string }).id, reasons }))).toEqual(['2', '4'].map((id) => ({ step: 'load', id, reasons: [{ column: null, reason: expect.stringMatching(/is refused by COPY: Invalid digit.*\(1204\)/) as string }] })));
  expect(await place.verify(run.run.workflowId)).toMatchObject({ ok: true, streams: [{ level, state: 'intact' }] });
});

test('with "misfits: hold" what COPY refuses holds the batch: the message has file, line and column and no value', async () => {
  await database.run("CREATE TABLE refused_hold (id int PRIMARY KEY, v text); INSERT INTO refused_hold VALUES (1, 'odd refused_hold')");
  await warehouse.fault({ kind: 'refuse', text: 'odd refused_hold' });
  const run = await place.run(`pipeline: refused_hold_${mark}\nsource: db\ndestination: strict\non_failure: fail\nstreams:\n  - { stream: refused_hold, to: refused_hold, mode: full, write: replace }\n`);
  expect(run.streams[0]!.error!.message).toMatch(/COPY refused rows: line 1 of s3:.*Invalid digit, Value '…'.*nothing was loaded/);
});
