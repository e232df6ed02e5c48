import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, createOrders, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, type Installation } from '../support/worker';

let source: TestDatabase;
let database: TestDatabase;
let installation: Installation;
let restore: () => void;
const yaml = pipelineOf('counted', 'db', 'mode: incremental\n    cursor: id\n    write: merge\n    key: [id]');

beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
  installation = await install(connections(source, database));
  restore = useInstallation(installation);
  await installation.startWorker();
});
afterAll(async () => {
  restore();
  await installation.close();
  await source.drop();
  await database.drop();
});

const shown = async () => (events(await millrace('state', 'show', 'counted', '--json'))[0] as { streams: { checkpoint: { cursor: string; version: number; fence: number } }[] }).streams[0]!.checkpoint;

it('rewinds under a claim: the next run reads again from there, and the change is a link of the chain', async () => {
  const first = await installation.run(yaml);
  expect(first.totals.read).toBe(3000);
  const before = await shown();
  expect(before).toMatchObject({ cursor: '3001', version: 1 });
  const { code, out } = await millrace('state', 'rewind', 'counted', 'orders', '--to', '2501', '--why', 'a test');
  expect(out).toMatch(/read up to 2501\n.*\nrecorded as counted\/state-.* by \w+@/);
  expect(code).toBe(0);
  const after = await shown();
  expect(after).toMatchObject({ cursor: '2501', version: before.version + 1, fence: before.fence + 1 });
  const home = path.join(installation.home, 'staging/counted');
  const links = readdirSync(path.join(home, 'chain')).sort().map((name) => JSON.parse(readFileSync(path.join(home, 'chain', name), 'utf8')) as { hash: string; receipt: string });
  expect(links).toHaveLength(2);
  const entry = JSON.parse(readFileSync(path.join(installation.home, 'staging', links[1]!.receipt), 'utf8')) as Record<string, unknown>;
  expect(entry).toMatchObject({ kind: 'state', change: 'rewind', before: '3001', after: '2501', why: 'a test', previous: first.hash, hash: links[1]!.hash });
  const again = await installation.run(yaml);
  expect(again.totals.read).toBe(500);
  expect(again.previous).toBe(links[1]!.hash);
});

it('set goes forward where rewind refuses to, and to the beginning', async () => {
  expect(await millrace('state', 'rewind', 'counted', 'orders', '--to', '9000', '--why', 'a slip')).toMatchObject({ code: 4, err: expect.stringContaining('use "millrace state set"') as string });
  expect((await millrace('state', 'set', 'counted', 'orders', '--cursor', '9000', '--why', 'loaded by hand')).code).toBe(0);
  expect((await installation.run(yaml)).totals.read).toBe(0);
  expect((await millrace('state', 'set', 'counted', 'orders', '--cursor', 'beginning', '--why', 'all again')).code).toBe(0);
  expect((await installation.run(yaml)).totals.read).toBe(3000);
});

it('refuses while a run goes on, without a reason, and for what is not there', async () => {
  expect(await millrace('state', 'rewind', 'counted', 'orders', '--to', '1')).toMatchObject({ code: 4, err: expect.stringContaining("required option '--why <text>'") as string });
  expect(await millrace('state', 'rewind', 'counted', 'ordres', '--to', '1', '--why', 'x')).toMatchObject({ code: 4, err: expect.stringContaining('streams: orders') as string });
  expect(await millrace('state', 'drop-gap', 'counted', 'orders', 'nothing', '--why', 'x')).toMatchObject({ code: 4, err: expect.stringContaining('gaps: none') as string });
  const held = await installation.start(yaml.replace('stream: orders', 'stream: missing'));
  await eventually(async () => (await installation.client.workflow.getHandle('counted').describe()).status.name === 'RUNNING', 'the run holds its pipeline');
  const before = await database.row("SELECT fence::text, version::text FROM _millrace_checkpoints WHERE stream = 'orders'");
  const file = path.join(installation.home, 'counted.yaml');
  writeFileSync(file, yaml);
  expect(await millrace('state', 'set', file, 'orders', '--cursor', '1', '--why', 'x')).toMatchObject({ code: 1, err: expect.stringMatching(/run "counted\/run-.*" is going on/) as string });
  expect(await database.row("SELECT fence::text, version::text FROM _millrace_checkpoints WHERE stream = 'orders'")).toEqual(before);
  await held.terminate();
});
