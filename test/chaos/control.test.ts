import { once } from 'node:events';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunProgress, StreamProgress } from '../../src/workflows/messages';
import { createOrders, connections, pipelineOf, sums } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation } from '../support/worker';

/** A person's hand on real runs, also while no worker is there. */
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
});
// A healthy worker of an earlier test would take the work from the one that is to die.
beforeEach(async () => { place = await install(connections(source, database)); });
afterEach(() => place.close());
afterAll(async () => {
  await source.drop();
  await database.drop();
});

const progressOf = (handle: WorkflowHandle) => handle.query<RunProgress>('progress').catch(() => null);
const states = async (handle: WorkflowHandle) => (await progressOf(handle))?.state;
const append = 'mode: incremental\n    cursor: at\n    write: append\n    visible: run';

test('pause and a new concurrency sent while the worker is dead take effect with the next one; paused, nothing is open; resumed, every row is there', async () => {
  const dying = await place.startWorker('load:before-commit#2');
  const gone = once(dying, 'exit');
  const handle = await place.start(pipelineOf('paused_dead', 'db', append));
  await gone;
  await handle.signal('pause', { reason: 'nobody is there' });
  const pending = handle.executeUpdate<RunProgress, [unknown]>('setConcurrency', { args: [{ concurrency: 2 }] });
  const next = await place.startWorker();
  expect(await pending).toMatchObject({ concurrency: 2 });
  await eventually(async () => (await states(handle)) === 'paused', 'paused');
  const open = `SELECT count(*)::text AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%' AND application_name <> 'millrace-test' AND pid <> pg_backend_pid()`;
  for (const one of [source, database]) expect(await one.row(open)).toEqual({ n: '0' });
  next.kill('SIGKILL');
  await place.startWorker();
  expect(await eventually(async () => states(handle), 'the next worker answers')).toBe('paused');
  await handle.signal('resume');
  expect(await handle.result()).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000 } });
  expect(await database.row(sums('paused_dead'))).toEqual(await source.row(sums('orders')));
}, 200_000);

test('a partition that cannot be read is skipped, on record, and loaded later from its gap', async () => {
  await source.run('CREATE TABLE broken AS SELECT * FROM orders');
  await source.run('ALTER TABLE broken ADD PRIMARY KEY (id)');
  await source.run('ANALYZE broken');
  const yaml = pipelineOf('skipped', 'db', append).replace('stream: orders', 'stream: broken');
  const worker = await place.startWorker('extract:after-data#1#SIGSTOP');
  const handle = await place.start(yaml);
  // The plan stands; from here on the column is missing, and a part that is not read yet cannot be.
  await eventually(async () => (await handle.describe()).raw.pendingChildren?.length === 2, 'the stream is started');
  const child = place.client.workflow.getHandle(`${handle.workflowId}/broken`);
  await eventually(async () => (await child.describe()).raw.pendingActivities?.some(({ activityId }) => activityId?.includes('extract')), 'it extracts');
  await source.run('ALTER TABLE broken RENAME COLUMN note TO remark');
  worker.kill('SIGKILL');
  await place.startWorker();
  await eventually(async () => (await states(handle)) === 'held', 'held');
  const held = (await child.query<StreamProgress>('streamProgress')).waiting;
  expect(held[0]!.message).toMatch(/column "note" changed since the run was planned/);
  const parts = held.map(({ partition }) => partition as number);
  for (const partition of parts.slice(1)) await handle.executeUpdate('skipPartition', { args: [{ stream: 'broken', partition, reason: 'renamed column', by: 'ann' }] as [unknown] });
  await source.run('ALTER TABLE broken RENAME COLUMN remark TO note');
  await handle.executeUpdate('retryPartition', { args: [{ stream: 'broken', partition: parts[0], reread: true }] as [unknown] });
  const summary = await summaryOf(handle);
  expect(summary).toMatchObject({ state: 'succeeded_with_rejects', streams: [{ gaps: parts.slice(1).map(() => ({ reason: 'renamed column', by: 'ann' })) }] });
  const { n } = await database.row('SELECT count(*)::text AS n FROM skipped');
  expect(Number(n)).toBe(summary.totals.loaded);
  expect(Number(n)).toBeLessThan(3000);
  const kept = await place.run(yaml);
  expect(kept.streams[0]!.gaps).toHaveLength(parts.length - 1);
  const closed = await place.run(yaml, undefined, { gaps: true });
  expect(closed).toMatchObject({ state: 'succeeded', streams: [{ stream: 'broken' }] });
  expect(closed.streams[0]!.gaps).toBeUndefined();
  expect(await database.row(sums('skipped'))).toEqual(await source.row(sums('broken')));
}, 200_000);

test('cancel with rollback leaves nothing of the run in the destination, and removes its staging', async () => {
  const dying = await place.startWorker('load:after-commit#2');
  const gone = once(dying, 'exit');
  const handle = await place.start(pipelineOf('rolled_back', 'db', append.replace('visible: run', 'visible: batch')));
  await gone;
  await handle.signal('cancel', { now: true, rollback: true });
  await place.startWorker();
  const summary = await summaryOf(handle);
  expect(summary.state).toBe('cancelled');
  expect(await database.row('SELECT count(*)::text AS n FROM rolled_back')).toEqual({ n: '0' });
  expect(await database.row(`SELECT count(*)::text AS n FROM _millrace_loads WHERE pipeline = 'rolled_back' AND state = 'committed'`)).toEqual({ n: '0' });
}, 200_000);
