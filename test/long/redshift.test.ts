import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connections, createOrders, pipelineOf, sums } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { twoAttempts, wakeUpLate } from '../support/late';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation, type KillAt } from '../support/worker';

/** A run that a failed attempt leaves behind keeps its pipeline's name. */
const mark = randomBytes(3).toString('hex');

/** Redshift's simulator with everything going wrong: rows are exact, and nothing ran twice. */
let database: TestDatabase;
let warehouse: SimulatedWarehouse;
let place: Installation;
beforeAll(async () => {
  [database, warehouse] = await Promise.all([createDatabase(), startWarehouse()]);
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nrs: ${warehouse.connection}\n`);
  await createOrders(database);
});
afterAll(async () => {
  await place.close();
  await warehouse.close();
  await database.drop();
});

const ways = {
  append: 'mode: incremental, write: append, cursor: at', replace: 'mode: full, write: replace', merge: 'mode: incremental, write: merge, key: id, cursor: at, lookback: 1 day',
  delete_insert: 'mode: full, write: delete_insert, by: [id]', scd2: 'mode: full, write: scd2, key: id, cursor: at',
} as const;
type Way = keyof typeof ways;
const yaml = (name: string, way: Way = 'merge') => `pipeline: ${name}\nsource: db\ndestination: rs\nstreams:\n  - { stream: ${name}_src, to: ${name}, settle: 30 seconds, ${ways[way]} }\n`;
const source = (name: string) => database.run(`CREATE TABLE ${name}_src (id int, v text, at timestamptz); INSERT INTO ${name}_src VALUES (1, 'a', '2026-01-01'), (2, 'b', '2026-01-02'), (3, 'c', '2026-01-03')`);
const rows = (table: string) => warehouse.database.rows(`SELECT id, v FROM ${table} ORDER BY 1, 2`);
const all = [{ id: '1', v: 'a' }, { id: '2', v: 'b' }, { id: '3', v: 'c' }];
const of = async (table: string) => (await warehouse.statements()).filter(({ sqls }) => sqls.some((sql) => sql.includes(`'public.${table}'`)));
const loadsOf = async (table: string) => (await of(table)).filter(({ sqls }) => sqls.some((sql) => sql.startsWith('COPY')));
const publishesOf = async (table: string) => (await of(table)).filter(({ name, status }) => name?.includes('/publish/') && status === 'FINISHED');
/** Of a load: 0 is its lock, 4 its COPY, 5 what follows it. */
const afterCopy = 5;

async function stopped(worker: Awaited<ReturnType<Installation['startWorker']>>): Promise<void> {
  const gone = once(worker, 'exit');
  worker.kill('SIGTERM');
  await gone;
}

test.each([
  ['the answer to a load is lost', 'lost', { kind: 'lost', operation: 'BatchExecuteStatement', name: 'millrace/' }, 1],
  ['the answer to a publish is lost', 'lost_publish', { kind: 'lost', operation: 'BatchExecuteStatement', name: '/publish/' }, 1],
  ['answers of waits are lost', 'lost_waits', { kind: 'lost', operation: 'DescribeStatement', times: 6 }, 1],
  ['the service throttles', 'throttle', { kind: 'throttle', times: 6 }, 1],
  ['a load meets another transaction (1023)', 'conflict', { kind: 'conflict', at: 6, name: 'millrace/' }, 2],
  ['a load meets another transaction three times', 'conflicts', { kind: 'conflict', at: 6, name: 'millrace/', times: 3 }, 4],
  ['a publish meets another transaction (1023)', 'conflict_publish', { kind: 'conflict', at: 3, name: '/publish/' }, 1],
  ['S3 answers COPY with a server error', 's3', { kind: 's3', name: 'millrace/' }, 2],
  ['the cluster goes away between COPY and commit', 'crash', { kind: 'crash', at: afterCopy, name: 'millrace/' }, 2],
])('rows are exact where %s', async (_what, short, fault, copies) => {
  const name = `rs_f_${short}_${mark}`;
  await source(name);
  const worker = await place.startWorker();
  await warehouse.fault(fault);
  expect(await place.run(yaml(name))).toMatchObject({ state: 'succeeded', totals: { read: 3, loaded: 3 } });
  expect(await rows(name)).toEqual(all);
  expect(await loadsOf(name)).toHaveLength(copies);
  expect(await publishesOf(name)).toHaveLength(1);
  await stopped(worker);
});

/** Statements held: not at all, before they begin, or in the middle of their transaction. */
const kills: readonly (readonly [Way, KillAt, number | null | undefined])[] = [
  ['merge', 'load:after-data', undefined], ['merge', 'load:after-commit', undefined], ['merge', 'publish:after-commit', undefined],
  ...(['append', 'replace', 'merge', 'delete_insert', 'scd2'] as const).flatMap((way): readonly (readonly [Way, KillAt, number | null | undefined])[] => [
    [way, 'load:before-commit', null], [way, 'load:before-commit', afterCopy], [way, 'publish:before-commit', null], [way, 'publish:before-commit', 4],
  ]),
  ['merge', 'load:before-commit', undefined], ['merge', 'publish:before-commit', undefined],
];
test.each(kills)('%s: a worker that is killed at %s (statement held at %s) is taken over: one COPY, one publish, rows exact', async (way, point, held) => {
  const name = `rs_k_${mark}_${way}_${point.replace(/\W/g, '_')}_${held ?? (held === null ? 'begin' : 'no')}`;
  await source(name);
  const killed = await place.startWorker(point);
  const gone = once(killed, 'exit');
  if (held !== undefined) await warehouse.fault({ kind: 'hold', name: point.startsWith('publish') ? '/publish/' : 'millrace/', ...(held !== null && { at: held }) });
  const handle = await place.start(yaml(name, way));
  await gone;
  // The statement under way is still there when the next worker looks for it; only then does it go on.
  if (held !== undefined) await eventually(async () => (await of(name)).some(({ name: given, status }) => given && ['SUBMITTED', 'STARTED'].includes(status)), 'the statement to be held');
  // The next worker looks for the statement, or, where it first asks what the target refuses, waits for the lock that it holds.
  const looks = async () => { const { ListStatements = 0, BatchExecuteStatement = 0 } = await warehouse.asked(); return ListStatements + BatchExecuteStatement; };
  const looked = await looks();
  const other = await place.startWorker();
  if (held !== undefined) {
    await eventually(async () => (await looks()) > looked, 'the next worker to look for the statement', 60);
    await warehouse.release();
  }
  expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3, loaded: 3 } });
  expect(await rows(name)).toEqual(all);
  expect(await loadsOf(name)).toHaveLength(1);
  expect(await publishesOf(name)).toHaveLength(1);
  await stopped(other);
});

test('a statement that the service has forgotten is looked up in the ledger: it commits once', async () => {
  const name = `rs_expired_${mark}`;
  await source(name);
  const worker = await place.startWorker();
  await warehouse.fault({ kind: 'hold', name: 'millrace/', at: afterCopy });
  const handle = await place.start(yaml(name));
  await eventually(async () => (await loadsOf(name)).some(({ status }) => status === 'STARTED'), 'the load to be under way');
  await warehouse.expire();
  // The wait in the service ends after its seconds; then the load is asked for again, and waits for the lock of the first.
  await eventually(async () => (await loadsOf(name)).length > 0, 'the load to be asked for again', 90);
  await warehouse.release();
  expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3, loaded: 3 } });
  expect(await rows(name)).toEqual(all);
  expect(await warehouse.database.rows(`SELECT state, rows FROM _millrace_loads WHERE target = 'public.${name}'`)).toEqual([{ state: 'published', rows: '3' }]);
  await stopped(worker);
});

test('while a statement takes its time the activity heartbeats, and nobody else takes it over', async () => {
  const name = `rs_slow_${mark}`;
  await source(name);
  const worker = await place.startWorker();
  await warehouse.fault({ kind: 'hold', name: 'millrace/' });
  const handle = await place.start(yaml(name));
  const load = async () => (await place.client.workflow.getHandle(`${handle.workflowId}/${name}_src`).describe().catch(() => null))?.raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'loadBatch');
  const beats = new Set<string>();
  await eventually(async () => {
    const beat = (await load())?.lastHeartbeatTime;
    if (beat) beats.add(`${String(beat.seconds)}.${beat.nanos}`);
    return beats.size >= 4;
  }, 'four heartbeats of the load', 60);
  expect((await load())?.attempt).toBe(1);
  await warehouse.release();
  expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { loaded: 3 } });
  expect(await loadsOf(name)).toHaveLength(1);
  await stopped(worker);
});

test.each([['before it begins', undefined], ['between COPY and commit', afterCopy]])('a run that is cancelled ends the statement under way (%s), and the next run loads', async (_when, at) => {
  const name = `rs_cancelled_${at ?? 'begin'}_${mark}`;
  await source(name);
  const worker = await place.startWorker();
  await warehouse.fault({ kind: 'hold', name: 'millrace/', ...(at !== undefined && { at }) });
  const handle = await place.start(yaml(name));
  await eventually(async () => (await loadsOf(name)).some(({ status }) => status === (at === undefined ? 'SUBMITTED' : 'STARTED')), 'the load to be under way');
  await handle.signal('cancel');
  await expect(handle.result()).rejects.toThrow();
  expect((await loadsOf(name)).map(({ status }) => status)).toEqual(['ABORTED']);
  expect(await place.run(yaml(name))).toMatchObject({ state: 'succeeded', totals: { loaded: 3 } });
  expect(await rows(name)).toEqual(all);
  await stopped(worker);
});

const both = () => `${connections(database, database)}rs: ${warehouse.connection}\n`;
const orderWays = { append: 'mode: incremental\n    cursor: at\n    write: append', merge: 'mode: incremental\n    cursor: at\n    write: merge\n    key: [id]', replace: 'mode: full\n    write: replace' } as const;
const exact = async (table: string): Promise<void> => {
  expect(await warehouse.database.row(sums(table))).toEqual(await database.row(sums('orders')));
  // A publish that was accepted before its worker fell asleep may be through before the other run claims: that run then appends nothing, or replaces it.
  const ledger = await warehouse.database.rows('SELECT DISTINCT state FROM _millrace_loads WHERE pipeline = $1 AND state <> $2', [table, 'rolled_back']);
  expect(ledger).toEqual([{ state: 'published' }]);
};

test.each((['load:after-data', 'load:before-commit', 'publish:before-claim-check', 'publish:before-commit'] as const).flatMap((point) => (Object.keys(orderWays) as (keyof typeof orderWays)[]).map((way) => [point, way] as const)))(
  'an attempt that wakes up late at %s adds nothing and takes nothing away (%s)', async (point, way) => {
    const name = `rs_late_${mark}_${way}_${point.replace(/\W/g, '_')}`;
    const { summary, close } = await wakeUpLate(both(), pipelineOf(name, 'rs', orderWays[way]), point);
    try {
      expect(summary.state).toBe('succeeded');
      await exact(name);
    } finally {
      await close();
    }
  });

test('two attempts of a load side by side give the rows of one', async () => {
  const { place: twice, summary } = await twoAttempts(both(), pipelineOf(`rs_twice_${mark}`, 'rs', orderWays.append), { file: 'connectors/redshift/load.js', point: 'load:after-data' });
  try {
    expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000 } });
    await exact(`rs_twice_${mark}`);
  } finally {
    await twice.close();
  }
});
