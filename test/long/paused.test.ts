import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunProgress } from '../../src/workflows/messages';
import { lockIn, lockLedger, waitsForLock } from '../support/locks';
import { connections, createOrders, pipelineOf, sums } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, type Installation } from '../support/worker';

/** A run that is caught and paused in one stage after another. Real databases: what it keeps open is counted by their servers. */
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
let worker: ChildProcess;
const name = `held_still_${randomBytes(4).toString('hex')}`;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
  // Reading a row waits while a test holds lock 7.
  await source.run('CREATE FUNCTION gate(total numeric) RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN total; END $$');
  await source.run('CREATE VIEW gated AS SELECT id, gate(total)::numeric(12,2) AS total, note, at FROM orders');
  place = await install(connections(source, database));
  worker = await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await source.drop();
  await database.drop();
});

/** Sessions of workers, their transactions and locks, in one database. */
const held = `SELECT count(*)::text AS sessions, count(xact_start)::text AS transactions, (SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() AND a.application_name LIKE 'millrace%' AND a.application_name <> 'millrace-test')::text AS locks
  FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%' AND application_name <> 'millrace-test'`;
const nothing = { sessions: '0', transactions: '0', locks: '0' };
const prepared = 'SELECT count(*)::text AS n FROM pg_prepared_xacts WHERE database = current_database()';
const stateOf = async (handle: WorkflowHandle) => (await handle.query<RunProgress>('progress').catch(() => null))?.state;
const stageOf = async (handle: WorkflowHandle): Promise<string | undefined> =>
  (await place.client.workflow.getHandle(`${handle.workflowId}/gated`).describe().catch(() => null))?.raw.pendingActivities?.map(({ activityId }) => activityId!.split('/').at(-1)!)[0];

const lockSource = () => lockIn(source, 'SELECT pg_advisory_xact_lock(7)');

async function pausedIn(stage: string, handle: WorkflowHandle, where: TestDatabase): Promise<void> {
  await eventually(async () => (await stageOf(handle)) === stage && await waitsForLock(where), `${stage} waits for the test's lock`);
  await handle.signal('pause');
  await eventually(async () => (await stateOf(handle)) === 'paused', `paused in ${stage}`);
  for (const one of [source, database]) {
    expect({ stage, ...(await one.row(held)) }).toEqual({ stage, ...nothing });
    expect(await one.row(prepared)).toEqual({ n: '0' });
  }
}

test('paused in plan, extract, load, check and publish, it holds no session, transaction or lock; paused for longer than any timeout, over another worker, it goes on exactly', async () => {
  const yaml = pipelineOf(name, 'db', 'mode: full\n    write: merge\n    key: [id]\n    checks: [{ matches_source: { measures: { total: "sum(total)" } } }]').replace('stream: orders', 'stream: gated');
  await place.run(yaml);
  await source.run('UPDATE orders SET total = total + 1');

  const ledger = await lockLedger(database);
  const handle = await place.start(yaml);
  await pausedIn('plan', handle, database);
  const gate = await lockSource();
  await ledger();
  await handle.signal('resume');
  await pausedIn('extract', handle, source);
  const again = await lockLedger(database);
  await gate();
  await handle.signal('resume');
  await pausedIn('load', handle, database);
  const check = await lockSource();
  await again();
  await handle.signal('resume');
  await pausedIn('check', handle, source);
  const last = await lockIn(database, 'LOCK TABLE _millrace_checkpoints IN ACCESS EXCLUSIVE MODE');
  await check();
  await handle.signal('resume');
  await pausedIn('publish', handle, database);
  await last();

  // Heartbeats are awaited for 1.5 s here, a worker's sticky queue as long; nothing else has a limit while nothing runs.
  const before = (await handle.fetchHistory()).events!.length;
  await sleep(4000);
  expect((await handle.fetchHistory()).events!.length).toBe(before);
  worker.kill('SIGKILL');
  worker = await place.startWorker();
  expect(await eventually(async () => stateOf(handle), 'the next worker answers')).toBe('paused');
  await handle.signal('resume');
  expect(await handle.result()).toMatchObject({ state: 'succeeded', totals: { read: 3000 } });
  expect(await database.row(sums(name))).toEqual(await source.row(sums('orders')));
}, 200_000);
