import type { ChildProcess } from 'node:child_process';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, createOrders, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, killNow, type Installation } from '../support/worker';

let source: TestDatabase;
let installation: Installation;
let worker: ChildProcess;
let restore: () => void;
const words = 'mode: full\n    write: replace';

beforeAll(async () => {
  source = await createDatabase();
  await createOrders(source);
  installation = await install(connections(source, source));
  restore = useInstallation(installation);
  worker = await installation.startWorker();
});
afterAll(async () => {
  restore();
  await installation.close();
  await source.drop();
});

it('logs tells what happened in a run that has ended, activity by activity', async () => {
  const { run } = await installation.run(pipelineOf('told', 'db', words));
  const { code, out } = await millrace('logs', run.workflowId);
  expect(code).toBe(0);
  const lines = out.trim().split('\n');
  expect(lines[0]).toMatch(/run +started$/);
  expect(out).toMatch(/orders\/0000\/00\/load|load.* done in \d/);
  expect(lines.at(-1)).toMatch(/run +completed$/);
  const told = events(await millrace('logs', 'told', '--json')) as { event: string; at: string }[];
  expect(told).toHaveLength(lines.length);
  expect(told.map(({ at }) => at)).toEqual(told.map(({ at }) => at).sort());
});

it('logs reads the times in staging where there is no server to ask', async () => {
  const { TEMPORAL_ADDRESS: address, ...others } = process.env;
  process.env = others;
  const { code, out } = await millrace('logs', 'told');
  process.env['TEMPORAL_ADDRESS'] = address;
  expect(out).toMatch(/orders\/0 +loadBatch done in \d/);
  expect(code).toBe(0);
});

it('why says what a held run waits for and what to do; logs follows it to its end', async () => {
  const held = await installation.start(pipelineOf('held', 'db', words).replace('stream: orders', 'stream: missing'));
  await eventually(async () => (await millrace('why', 'held')).out.includes('is held'), 'why to tell of the hold');
  const { code, out } = await millrace('why', held.workflowId);
  expect(code).toBe(0);
  expect(out.replace(/\s+/g, ' ')).toContain('missing');
  expect(out).toContain(`next: mend that, then millrace resume ${held.workflowId}`);
  const [told] = events(await millrace('why', 'held', '--json')) as { reasons: unknown[] }[];
  expect(told!.reasons).toHaveLength(1);
  const following = millrace('logs', 'held', '--follow');
  await held.terminate();
  expect((await following).out).toMatch(/run +ended from outside\n/);
  expect((await millrace('why', held.workflowId)).out.replace(/\s+/g, ' ')).toMatch(/it was terminated by \S+: .*; what it had loaded and not published is settled by the next run/);
});

it('why knows a run that no worker takes up, and no run that is not there', async () => {
  await killNow(worker);
  const waiting = await installation.start(pipelineOf('alone', 'db', words));
  expect((await millrace('why', waiting.workflowId)).out).toContain(`no worker answers on task queue "${installation.taskQueue}"`);
  await waiting.terminate();
  expect(await millrace('why', 'alone/run-2020-01-01T00:00:00Z')).toMatchObject({ code: 1, err: expect.stringContaining('"millrace status') as string });
});

it('why finds a run by its pipeline where no worker answers, and names the queue that has none', async () => {
  const queue = `nobody_${installation.taskQueue}`;
  const left = await installation.client.workflow.start('runPipeline', { taskQueue: queue, workflowId: 'left_alone/run-2026-01-01T00:00:00Z', args: [{}] });
  const { code, out } = await eventually(async () => { const said = await millrace('why', 'left_alone'); return said.code === 0 && said; }, 'the server to list the run');
  await left.terminate();
  expect(code).toBe(0);
  expect(out.replace(/\s+/g, ' ')).toContain(`no worker polls task queue "${queue}"`);
});
