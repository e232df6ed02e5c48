import { randomBytes, randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { outcomeOf } from '../../src/cli/outcome';
import type { RunProgress } from '../../src/workflows/messages';
import { events, millrace, useInstallation } from '../support/millrace';
import { lockLedger, waitsForLock } from '../support/locks';
import { connections, createOrders, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation } from '../support/worker';

/** What may be pressed in Temporal's Web UI, or said with `temporal`, without a word of Millrace's: each time while a load is at work. */
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
let restore: () => void;
const mark = randomBytes(4).toString('hex');
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
  place = await install(connections(source, database));
  restore = useInstallation(place);
  await place.startWorker();
  await place.run(yaml(`first_${mark}`));
});
afterAll(async () => {
  restore();
  await place.close();
  await source.drop();
  await database.drop();
});

const yaml = (name: string): string => pipelineOf(name, 'db', 'mode: incremental\n    cursor: at\n    write: append\n    settle: 30 seconds');
const child = (run: WorkflowHandle) => place.client.workflow.getHandle(`${run.workflowId}/orders`);
const pendingOf = async (run: WorkflowHandle) => (await child(run).describe()).raw.pendingActivities ?? [];
const { execution, service } = { execution: (workflowId: string) => ({ namespace: 'default', execution: { workflowId } }), service: () => place.client.workflowService };

const unlocks: (() => Promise<void>)[] = [];
const release = async (): Promise<void> => { for (const unlock of unlocks.splice(0)) await unlock(); };
// A test that failed must not leave the others without a ledger.
afterEach(release);

/** A run all of whose loads wait, and what lets them go on. */
async function loading(name: string): Promise<{ readonly run: WorkflowHandle; readonly loads: readonly string[]; release(): Promise<void> }> {
  const { run, unlock } = await lockLedgerAfterPlan(name);
  unlocks.push(unlock);
  const loads = await eventually(async () => {
    const ids = (await pendingOf(run)).map(({ activityId }) => activityId!);
    return ids.length === 3 && ids.every((id) => id.endsWith('/load')) && await waitsForLock(database) && ids;
  }, 'three loads wait');
  return { run, loads, release };
}

/** The ledger is locked as soon as the plan has its claim: while the plan stands and nothing is loaded. */
async function lockLedgerAfterPlan(name: string): Promise<{ readonly run: WorkflowHandle; unlock(): Promise<void> }> {
  const run = await place.start(yaml(name));
  await eventually(async () => (await database.rows('SELECT 1 FROM _millrace_checkpoints WHERE pipeline = $1', [name])).length > 0, 'claimed');
  return { run, unlock: await lockLedger(database) };
}

test('an activity paused there stops and stays, status and why say so, and unpaused it goes on exactly', async () => {
  const { run, loads, release } = await loading(`pressed_pause_${mark}`);
  for (const id of loads) await service().pauseActivity({ ...execution(child(run).workflowId), id, identity: 'ann', reason: 'looking', requestId: randomUUID() });
  await eventually(async () => (await pendingOf(run)).every(({ state }) => Number(state) === 4), 'all are paused');
  expect(await waitsForLock(database)).toBe(false);
  await release();
  const { out } = await millrace('status', `pressed_pause_${mark}`);
  expect(out.replace(/\s+/g, ' ')).toMatch(/stalled .*orders\/000\d\/load.* were paused in Temporal itself; unpause them there/);
  expect((await millrace('why', `pressed_pause_${mark}`)).out.replace(/\s+/g, ' ')).toContain(`${loads[0]} was paused in Temporal itself; unpause it there`);
  expect(events(await millrace('status', `pressed_pause_${mark}`, '--json'))).toMatchObject([{ running: [{ figures: { state: 'stalled' } }] }]);
  for (const id of loads) await service().unpauseActivity({ ...execution(child(run).workflowId), id });
  expect(await summaryOf(run)).toMatchObject({ state: 'succeeded', totals: { loaded: 3000 } });
  await expectExact(place, source, database, `pressed_pause_${mark}`, 'db');
}, 120_000);

test('an activity that is reset there, at its first attempt and at a later one, begins anew and loads each row once', async () => {
  const { run, loads, release } = await loading(`pressed_reset_${mark}`);
  await service().resetActivity({ ...execution(child(run).workflowId), id: loads[0]! });
  await service().pauseActivity({ ...execution(child(run).workflowId), id: loads[1]!, requestId: randomUUID() });
  await eventually(async () => (await pendingOf(run)).find(({ activityId }) => activityId === loads[1])!.attempt! > 1, 'a second attempt');
  await service().unpauseActivity({ ...execution(child(run).workflowId), id: loads[1]! });
  await eventually(async () => Number((await pendingOf(run)).find(({ activityId }) => activityId === loads[1])!.state) === 2, 'it is at work again');
  await service().resetActivity({ ...execution(child(run).workflowId), id: loads[1]! });
  await release();
  expect(await summaryOf(run)).toMatchObject({ state: 'succeeded', totals: { loaded: 3000 } });
  await expectExact(place, source, database, `pressed_reset_${mark}`, 'db');
}, 120_000);

/** The last place in its history to which a workflow can be reset. */
const lastTask = async (handle: WorkflowHandle) =>
  (await handle.fetchHistory()).events!.filter(({ workflowTaskCompletedEventAttributes: completed }) => completed).at(-1)!.eventId!;
const reset = async (handle: WorkflowHandle) => service().resetWorkflowExecution({
  namespace: 'default', workflowExecution: { workflowId: handle.workflowId }, reason: 'pressed', requestId: randomUUID(), workflowTaskFinishEventId: await lastTask(handle),
});

test('a stream that is reset there goes on, and loads each row once', async () => {
  const { run, release } = await loading(`reset_stream_${mark}`);
  await reset(child(run));
  await release();
  expect(await summaryOf(run)).toMatchObject({ state: 'succeeded', totals: { loaded: 3000 } });
  await expectExact(place, source, database, `reset_stream_${mark}`, 'db');
}, 120_000);

const latest = (run: WorkflowHandle) => place.client.workflow.getHandle(run.workflowId);
const stateOf = async (run: WorkflowHandle) => (await latest(run).query<RunProgress>('progress').catch(() => null))?.state;

test('a run that is reset there still hears its person, loads each row once, and gives its pipeline free', async () => {
  const name = `reset_run_${mark}`;
  const { run, release } = await loading(name);
  await reset(run);
  expect(await eventually(async () => latest(run).executeUpdate<RunProgress, [unknown]>('setConcurrency', { args: [{ concurrency: 2 }] }).catch(() => null), 'it answers')).toMatchObject({ concurrency: 2 });
  await latest(run).signal('pause');
  await eventually(async () => (await stateOf(run)) === 'paused', 'paused');
  await latest(run).signal('resume');
  await release();
  expect(await outcomeOf(run)).toMatchObject({ kind: 'summary', summary: { state: 'succeeded', totals: { loaded: 3000 } } });
  await expectExact(place, source, database, name, 'db');
  expect(await place.run(yaml(name))).toMatchObject({ state: 'succeeded', totals: { read: 0 } });
}, 120_000);

test('a run that was reset there can be cancelled', async () => {
  const { run, release } = await loading(`reset_cancel_${mark}`);
  await reset(run);
  await latest(run).signal('cancel', { now: true });
  expect(await summaryOf(latest(run))).toMatchObject({ state: 'cancelled' });
  await release();
}, 120_000);

test.each(['the run', 'a stream'])('%s is terminated there: status says so, and the next run loads each row once', async (what) => {
  const name = `ended_${what.replace(/.* /, '')}_${mark}`;
  const { run, release } = await loading(name);
  await (what === 'the run' ? run : child(run)).terminate('pressed');
  await release();
  await run.result().catch(() => undefined);
  const [said, why] = [(await millrace('status', run.workflowId)).out.replace(/\s+/g, ' '), (await millrace('why', run.workflowId)).out.replace(/\s+/g, ' ')];
  const left = 'what it had loaded and not published is settled by the next run';
  if (what === 'a stream') expect(said).toContain(`orders: it was terminated in Temporal itself; ${left}`);
  else expect([said, why]).toEqual([expect.stringMatching(new RegExp(`ended from outside .* was terminated by .*: pressed; ${left}`)), expect.stringMatching(new RegExp(`it was terminated by .*: pressed; ${left}`))]);
  await place.run(yaml(name));
  await expectExact(place, source, database, name, 'db');
}, 120_000);
