import { once } from 'node:events';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation, type KillAt } from '../support/worker';

/** Redshift's simulator with everything going wrong: rows are exact, and nothing ran twice. */
let database: TestDatabase;
let warehouse: SimulatedWarehouse;
let place: Installation;
beforeAll(async () => {
  [database, warehouse] = await Promise.all([createDatabase(), startWarehouse()]);
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nrs: ${warehouse.connection}\n`);
});
afterAll(async () => {
  await place.close();
  await warehouse.close();
  await database.drop();
});

const words = 'mode: incremental, write: merge, key: id, cursor: at, lookback: 1 day';
const yaml = (name: string) => `pipeline: ${name}\nsource: db\ndestination: rs\nstreams:\n  - { stream: ${name}_src, to: ${name}, settle: 30 seconds, ${words} }\n`;
const source = (name: string) => database.run(`CREATE TABLE ${name}_src (id int, v text, at timestamptz); INSERT INTO ${name}_src VALUES (1, 'a', '2026-01-01'), (2, 'b', '2026-01-02'), (3, 'c', '2026-01-03')`);
const rows = (table: string) => warehouse.database.rows(`SELECT id, v FROM ${table} ORDER BY 1, 2`);
const all = [{ id: '1', v: 'a' }, { id: '2', v: 'b' }, { id: '3', v: 'c' }];
const loadsOf = async (table: string) => (await warehouse.statements()).filter(({ sqls }) => sqls.some((sql) => sql.startsWith('COPY')) && sqls.some((sql) => sql.includes(`'public.${table}'`)));

test.each([
  ['the answer to a load is lost', { kind: 'lost', operation: 'BatchExecuteStatement', name: 'millrace/' }, 1],
  ['the service throttles', { kind: 'throttle', times: 6 }, 1],
  ['a load meets another transaction (1023)', { kind: 'conflict', at: 6, name: 'millrace/' }, 2],
  ['S3 answers COPY with a server error', { kind: 's3', name: 'millrace/' }, 2],
  ['the cluster goes away between COPY and commit', { kind: 'crash', at: 5, name: 'millrace/' }, 2],
])('rows are exact where %s', async (_what, fault, copies) => {
  const name = `rs_f_${fault.kind}`;
  await source(name);
  const worker = await place.startWorker();
  await warehouse.fault(fault);
  expect(await place.run(yaml(name))).toMatchObject({ state: 'succeeded', totals: { read: 3, loaded: 3 } });
  expect(await rows(name)).toEqual(all);
  expect(await loadsOf(name)).toHaveLength(copies);
  worker.kill('SIGTERM');
  await once(worker, 'exit');
});

test.each<[KillAt, boolean]>([
  ['load:after-data', false], ['load:before-commit', true], ['load:before-commit', false], ['load:after-commit', false], ['publish:before-commit', true], ['publish:before-commit', false], ['publish:after-commit', false],
])('a worker that is killed at %s (statement held: %s) is taken over: one COPY, rows exact', async (point, held) => {
  const name = `rs_k_${point.replace(/\W/g, '_')}_${held}`;
  await source(name);
  const killed = await place.startWorker(point);
  const gone = once(killed, 'exit');
  if (held) await warehouse.fault({ kind: 'hold', name: point.startsWith('publish') ? '/publish/' : 'millrace/' });
  const handle = await place.start(yaml(name));
  await gone;
  const other = await place.startWorker();
  // The statement under way is still there when the next worker looks; only then does it go on.
  if (held) {
    await eventually(async () => (await warehouse.statements()).some(({ status }) => status === 'SUBMITTED'), 'the statement to be held');
    setTimeout(() => { void warehouse.release(); }, 4000);
  }
  expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3, loaded: 3 } });
  expect(await rows(name)).toEqual(all);
  expect(await loadsOf(name)).toHaveLength(1);
  expect((await warehouse.statements()).filter(({ name: given, status, sqls }) => given?.includes('/publish/') && status === 'FINISHED' && sqls.some((sql) => sql.includes(`'public.${name}'`)))).toHaveLength(1);
  other.kill('SIGTERM');
  await once(other, 'exit');
});

test('a run that is cancelled ends the statement under way, and the next run loads', async () => {
  await source('rs_cancelled');
  const worker = await place.startWorker();
  await warehouse.fault({ kind: 'hold', name: 'millrace/' });
  const handle = await place.start(yaml('rs_cancelled'));
  await eventually(async () => (await warehouse.statements()).some(({ status, name }) => status === 'SUBMITTED' && name !== undefined), 'the load to be under way');
  await handle.signal('cancel');
  await expect(handle.result()).rejects.toThrow();
  expect((await loadsOf('rs_cancelled')).map(({ status }) => status)).toEqual(['ABORTED']);
  expect(await place.run(yaml('rs_cancelled'))).toMatchObject({ state: 'succeeded', totals: { loaded: 3 } });
  expect(await rows('rs_cancelled')).toEqual(all);
  worker.kill('SIGTERM');
  await once(worker, 'exit');
});
