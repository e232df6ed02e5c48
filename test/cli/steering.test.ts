import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunSummary } from '../../src/domain/receipt';
import { events, millrace, useInstallation, type Said } from '../support/millrace';
import { connections, createOrders, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, type Installation } from '../support/worker';

/** What a person types while a real run goes on, once too often, too late, or with a slip. */
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
let restore: () => void;
const steered = `steered_${randomBytes(4).toString('hex')}`;
const gated = `gated_${randomBytes(4).toString('hex')}`;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
  place = await install(connections(source, database));
  restore = useInstallation(place);
  await place.startWorker();
});
afterAll(async () => {
  restore();
  await place.close();
  await source.drop();
  await database.drop();
});

const refused = async (asked: Promise<Said>, code: number, said: string | RegExp): Promise<void> => {
  const { err, ...rest } = await asked;
  expect({ ...rest, err }).toMatchObject({ code, err: typeof said === 'string' ? expect.stringContaining(said) as string : expect.stringMatching(said) as string });
};
const done = async (asked: Promise<Said>, said: RegExp): Promise<void> => expect(await asked).toMatchObject({ code: 0, out: expect.stringMatching(said) as string });

test('set, retry and skip steer a run whose partitions are held; said twice they do no more, and a slip is refused with what to do', async () => {
  // The destination takes the first thousand orders and no other: partitions 1 and 2 are held at their load.
  await database.run(`CREATE TABLE ${steered} (id bigint, total numeric(12,2), note text, at timestamptz, _millrace_batch_id bigint, CONSTRAINT few CHECK (id < 1000))`);
  const run = (await place.start(pipelineOf(steered, 'db', 'mode: incremental\n    cursor: at\n    write: append\n    visible: batch\n    settle: 30 seconds'))).workflowId;
  const waiting = async () => (events(await millrace('status', run, '--json'))[0] as { running: { figures: { state: string; streams: { partitions: { done: number } }[] } }[] }).running[0]?.figures;
  await eventually(async () => { const now = await waiting(); return now?.state === 'held' && now.streams[0]!.partitions.done === 1; }, 'two partitions are held', 60);

  for (let times = 0; times < 2; times += 1) await done(millrace('set', steered, 'concurrency=2'), /2 partitions move at once; run .* is held\n/);
  await refused(millrace('set', run, 'concurrency=0'), 4, 'a whole number from 1 to 256');
  await refused(millrace('set', run, 'speed=9'), 4, 'write concurrency=8');

  await refused(millrace('retry', run, 'ordres'), 4, 'its streams are orders');
  await refused(millrace('retry', run, 'orders', '9'), 4, 'they are 0 to 2');
  await refused(millrace('retry', run, 'orders', 'x'), 4, 'write the number of a partition');
  await refused(millrace('retry', run, 'orders', '0'), 4, /neither held nor at work.*"millrace status/);
  await refused(millrace('retry', run, '--reread'), 4, 'millrace retry RUN STREAM PARTITION --reread');
  await refused(millrace('approve', run), 4, `nothing waits for an approval; "millrace why ${run}" says what it waits for`);

  await refused(millrace('skip', run, 'orders', '2'), 4, "required option '--reason <text>'");
  await refused(millrace('skip', run, 'orders', '0', '--reason', 'x'), 4, 'is loaded already');
  for (let times = 0; times < 2; times += 1) await done(millrace('skip', run, 'orders', '2', '--reason', 'loaded by hand'), /partition 2 of "orders" is left out; .*\n/);

  await done(millrace('retry', run), /what is held is tried again; run .* is (running|held)\n/);
  await eventually(async () => (await waiting())?.state === 'held', 'it is held again: nothing was mended');
  await database.run(`ALTER TABLE ${steered} DROP CONSTRAINT few`);
  await done(millrace('retry', run, 'orders', '1'), /partition 1 of "orders" is tried again/);
  const summary = await place.client.workflow.getHandle(run).result() as RunSummary;
  expect(summary).toMatchObject({ state: 'succeeded_with_rejects', streams: [{ gaps: [{ partition: expect.stringMatching(/orders\/0002$/) as string, reason: 'loaded by hand' }] }] });
  // The first two thirds, each row once.
  expect(await database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids, (max(id) < 2500)::text AS two FROM ${steered}`)).toEqual({ n: String(summary.totals.loaded), ids: String(summary.totals.loaded), two: 'true' });

  for (const words of [['retry', run], ['retry', run, 'orders', '1'], ['skip', run, 'orders', '1', '--reason', 'x'], ['set', run, 'concurrency=2'], ['approve', run], ['reject', run], ['pause', run], ['resume', run], ['cancel', run]])
    await refused(millrace(...words), 1, `"millrace status ${run}"`);
  await refused(millrace('retry', steered), 1, `"millrace status ${steered}" lists those that have ended`);
}, 120_000);

test('approve publishes and reject fails what waits; the second word finds nothing to decide', async () => {
  const yaml = pipelineOf(gated, 'db', 'mode: full\n    write: replace\n    checks: [{ row_count: { must_be_greater_than: 5000, on_fail: approve } }]');
  const file = path.join(place.home, 'gated.yaml');
  writeFileSync(file, yaml);
  const first = await millrace('run', file, '--json');
  expect(first.code).toBe(8);
  const { run } = events(first).at(-1) as { run: string };
  await refused(millrace('approve', run, 'ordres'), 4, 'its streams are orders');
  await done(millrace('approve', run, 'orders', '--reason', 'a holiday'), /^approved; run .* is /);
  await place.client.workflow.getHandle(run).result();
  await refused(millrace('approve', run), 1, `"millrace status ${run}"`);
  expect(await database.row(`SELECT count(*)::text AS n FROM ${gated}`)).toEqual({ n: '3000' });

  const second = await place.start(yaml);
  await database.run(`DELETE FROM ${gated} WHERE id > 10`);
  await eventually(async () => (await millrace('status', gated)).out.includes('waiting approval'), 'the next run waits');
  await done(millrace('reject', gated, '--reason', 'too few'), /^rejected; run .* is /);
  await expect(second.result()).rejects.toThrow();
  expect((await millrace('status', second.workflowId)).out.replace(/\s+/g, ' ')).toMatch(/failed .*rejected by .* \(too few\).*nothing was published/);
  expect(await database.row(`SELECT count(*)::text AS n FROM ${gated}`)).toEqual({ n: '10' });
}, 120_000);
