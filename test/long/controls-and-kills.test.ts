import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunProgress } from '../../src/workflows/messages';
import { connections, createOrders, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, killNow, summaryOf, type Installation } from '../support/worker';

/** Each control in each stage, with the worker killed there, and the next one killed again while the control has its effect. */
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

const stages = ['plan:after-plan', 'extract:after-data#2', 'transform:after-data#2', 'load:before-commit#2', 'load:after-commit#2', 'check:after-report', 'publish:before-commit', 'publish:after-commit'] as const;
const nameOf = (what: string, stage: string): string => `${what}_${stage.replace(/\W/g, '_')}_${randomBytes(3).toString('hex')}`;
const yaml = (name: string): string => pipelineOf(name, 'db', 'mode: incremental\n    cursor: at\n    write: append\n    visible: run\n    settle: 30 seconds');
const stateOf = async (handle: WorkflowHandle) => (await handle.query<RunProgress>('progress').catch(() => null))?.state;
const published = (stage: string): boolean => stage === 'publish:after-commit';

/** A run whose worker has died at the stage. */
async function diedAt(stage: (typeof stages)[number], name: string): Promise<WorkflowHandle> {
  const dying = await place.startWorker(stage as never);
  const gone = once(dying, 'exit');
  const handle = await place.start(yaml(name));
  await gone;
  return handle;
}

describe.each(stages)('the worker is dead at %s', (stage) => {
  test('pause, another death while it is paused, resume: exact rows', async () => {
    const name = nameOf('paused', stage);
    const handle = await diedAt(stage, name);
    await handle.signal('pause');
    const next = await place.startWorker();
    await eventually(async () => (await stateOf(handle)) === 'paused', 'paused');
    await killNow(next);
    await handle.signal('resume');
    await place.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { loaded: 3000 } });
    await expectExact(place, source, database, name, 'db');
  }, 120_000);

  test('another concurrency is answered by the next worker, which dies too: exact rows', async () => {
    const name = nameOf('steered', stage);
    const handle = await diedAt(stage, name);
    const answer = handle.executeUpdate<RunProgress, [unknown]>('setConcurrency', { args: [{ concurrency: 1 }] });
    const next = await place.startWorker();
    expect(await answer).toMatchObject({ concurrency: 1 });
    await killNow(next);
    await place.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { loaded: 3000 } });
    await expectExact(place, source, database, name, 'db');
  }, 120_000);

  test.each([{}, { now: true }, { now: true, rollback: true }])('cancel %j, and another death: what is visible is all or nothing, and the next run makes it exact', async (how) => {
    const name = nameOf('cancelled', stage);
    const handle = await diedAt(stage, name);
    await handle.signal('cancel', how);
    await killNow(await place.startWorker());
    await place.startWorker();
    const summary = await summaryOf(handle);
    // Asked to end after what is in hand, a run whose last activity was in hand has done its work.
    expect(['cancelled', 'succeeded']).toContain(summary.state);
    const there = await database.rows('SELECT to_regclass($1)::text AS t', [name]);
    const rows = there[0]!['t'] === null ? '0' : (await database.row(`SELECT count(*)::text AS n FROM "${name}"`))['n'];
    expect(rows).toBe(published(stage) && how.rollback !== true || summary.totals.loaded > 0 ? '3000' : '0');
    await place.run(yaml(name));
    await expectExact(place, source, database, name, 'db');
  }, 120_000);
});
