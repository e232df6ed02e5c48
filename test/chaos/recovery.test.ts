import { once } from 'node:events';
import { Connection } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { cases, connections, createOrders, everything, expectExact, pipelineOf, sums } from '../support/orders';
import { eventually, temporalAddress } from '../support/temporal';
import { install, nextDate, type Installation } from '../support/worker';

/** A run that ended badly must not cost the next one a row. */
let source: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
});
afterAll(async () => {
  await source.drop();
  await database.drop();
});

const some = cases.filter(([name]) => everything ? name !== 'replace_staged' : ['append_batch', 'merge', 'delete_insert', 'duck', 'lake'].includes(name));
const forced = cases.filter(([name]) => (everything ? ['append', 'append_batch', 'replace', 'merge'] : ['append_batch', 'replace']).includes(name));

async function killedAt(place: Installation, point: Parameters<Installation['startWorker']>[0], yaml: string): Promise<WorkflowHandle> {
  const worker = await place.startWorker(point);
  const gone = once(worker, 'exit');
  const handle = await place.start(yaml);
  expect((await gone)[1]).toBe('SIGKILL');
  return handle;
}

async function terminate(place: Installation, handle: WorkflowHandle, name: string): Promise<void> {
  await handle.terminate('given up by the test');
  // Its lock and its streams go with it, but not in the same instant.
  await eventually(async () => (await place.client.workflow.getHandle(name).describe()).status.name !== 'RUNNING', 'the lock of the pipeline to be free');
}

test.concurrent.each(some)('%s: cancelled after some batches, then run again: exact rows', async (name, destination, words) => {
  const place = await install(connections(source, database));
  const table = `cancelled_${name}`;
  try {
    const handle = await killedAt(place, 'load:after-commit#2', pipelineOf(table, destination, words));
    await handle.signal('cancel');
    await place.startWorker();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    // Cancel and publish may meet; then the cancelled run has published, and the next one finds nothing new.
    expect((await place.run(pipelineOf(table, destination, words))).state).toBe('succeeded');
    await expectExact(place, source, database, table, destination);
  } finally {
    await place.close();
  }
}, 400_000);

test.concurrent.each(some)('%s: killed for good before its commit, then run again: exact rows', async (name, destination, words) => {
  const place = await install(connections(source, database));
  const table = `ended_${name}`;
  try {
    await terminate(place, await killedAt(place, 'publish:before-commit', pipelineOf(table, destination, words)), table);
    await place.startWorker();
    expect((await place.run(pipelineOf(table, destination, words))).state).toBe('succeeded');
    await expectExact(place, source, database, table, destination);
  } finally {
    await place.close();
  }
}, 400_000);

test.concurrent.each(forced)('%s: two runs of one pipeline forced at once, under two Temporal namespaces: one wins, exact rows', async (name, destination, words) => {
  const other = `second-${Date.now()}-${name.replaceAll('_', '-')}`;
  const connection = await Connection.connect({ address: temporalAddress() });
  await connection.workflowService.registerNamespace({ namespace: other, workflowExecutionRetentionPeriod: { seconds: 86_400 } as never });
  await connection.close();
  const places = [await install(connections(source, database)), await install(connections(source, database), { namespace: other })];
  const table = `forced_${name}`;
  try {
    await eventually(() => places[1]!.startWorker().catch(() => null), 'a worker in the new namespace');
    await places[0]!.startWorker();
    const yaml = pipelineOf(table, destination, words);
    const [first, second] = [nextDate(), nextDate()];
    const summaries = await Promise.all([places[0]!.run(yaml, first), places[1]!.run(yaml, second)]);
    const states = summaries.map(({ state }) => state);
    expect(states).toContain('succeeded');
    expect(await database.row(sums(table))).toEqual(await source.row(sums('orders')));
    const loser = summaries.find(({ state }) => state !== 'succeeded');
    if (loser) expect(loser.streams[0]!.error).toMatchObject({ area: 'destination' });
  } finally {
    for (const place of places) await place.close();
  }
}, 400_000);
