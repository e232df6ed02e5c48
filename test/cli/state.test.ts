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

/** Appends to the table `<destination>_kept`, under any name. */
const appending = (pipeline: string, destination: string, stream = 'orders', words = '') =>
  `pipeline: ${pipeline}\nsource: shop\ndestination: ${destination}\nstreams:\n  - { stream: ${stream}, to: ${destination}_kept, mode: incremental, cursor: id, write: append${words} }\n`;
const failure = async (text: string) => (await installation.run(text)).streams[0]!.error?.message ?? '';

describe.each(['db', 'duck', 'lake'])('a pipeline that was renamed and appends into %s', (destination) => {
  const [before, after] = [`before_${destination}`, `after_${destination}`];

  it('is refused until it takes the place of the old one, then goes on where that stopped, and the old one is refused', async () => {
    expect((await installation.run(appending(before, destination))).totals).toMatchObject({ loaded: 3000 });
    const refusal = await failure(appending(after, destination));
    expect(refusal).toContain('millrace state adopt');
    if (destination !== 'lake') expect(refusal).toContain(`it holds rows of stream "orders" of pipeline "${before}"`);
    const { code, out, err } = await millrace('state', 'adopt', after, 'orders', '--from', `${before}/orders`, '--why', 'renamed');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('read up to 3001');
    expect((await installation.run(appending(after, destination))).totals).toMatchObject({ read: 0 });
    expect(await failure(appending(before, destination))).toContain('millrace state adopt');
    expect((await installation.verify(before)).ok).toBe(true);
    expect(await millrace('state', 'adopt', after, 'orders', '--from', `${before}/orders`, '--why', 'again')).toMatchObject({ code: 4, err: expect.stringMatching(/has not loaded into it|keeps its own place/) as string });
  });
});

describe('adopt', () => {
  it('lets another stream add its rows beside', async () => {
    expect((await installation.run(appending('eu', 'db').replace('db_kept', 'shared_rows'))).totals).toMatchObject({ loaded: 3000 });
    const other = appending('us', 'db').replace('db_kept', 'shared_rows');
    expect(await failure(other)).toContain('--beside');
    expect((await millrace('state', 'adopt', 'us', 'orders', '--beside', '--why', 'the same table for both')).code).toBe(0);
    expect((await installation.run(other)).totals).toMatchObject({ loaded: 3000 });
    expect(await database.row('SELECT count(*)::text AS n FROM shared_rows')).toEqual({ n: '6000' });
  });

  it('of a table that a replace owns lets the renamed one replace it', async () => {
    const replacing = (pipeline: string) => `pipeline: ${pipeline}\nsource: shop\ndestination: db\nstreams: [{ stream: orders, to: replaced, mode: full, write: replace }]\n`;
    await installation.run(replacing('old_name'));
    expect(await failure(replacing('new_name'))).toContain('millrace state adopt');
    expect(await millrace('state', 'adopt', 'new_name', 'orders', '--beside', '--why', 'a slip')).toMatchObject({ code: 4, err: expect.stringContaining('"write: replace" does not add rows beside others') as string });
    expect((await millrace('state', 'adopt', 'new_name', 'orders', '--from', 'old_name/orders', '--why', 'renamed')).code).toBe(0);
    expect(await installation.run(replacing('new_name'))).toMatchObject({ state: 'succeeded', totals: { loaded: 3000 } });
  });

  it('is refused without saying which it is, and for a stream that has not loaded there', async () => {
    expect(await millrace('state', 'adopt', 'us', 'orders', '--why', 'unclear')).toMatchObject({ code: 4, err: expect.stringContaining('--from PIPELINE/STREAM') as string });
    expect(await millrace('state', 'adopt', 'us', 'orders', '--from', 'eu', '--why', 'unclear')).toMatchObject({ code: 4, err: expect.stringContaining('"eu" is no PIPELINE/STREAM') as string });
    expect(await millrace('state', 'adopt', 'us', 'orders', '--from', 'nobody/orders', '--why', 'a slip')).toMatchObject({ code: 4, err: expect.stringMatching(/stream "orders" of pipeline "nobody" has not loaded into it; it holds rows of stream "orders" of pipeline "eu"/) as string });
  });
});
