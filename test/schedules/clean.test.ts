import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CleanReport } from '../../src/activities/clean-contract';
import { events, millrace, useInstallation } from '../support/millrace';
import { createOrders } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation } from '../support/worker';

let source: TestDatabase;
let warehouse: TestDatabase;
let installation: Installation;
let restore: () => void;

beforeAll(async () => {
  source = await createDatabase();
  warehouse = await createDatabase();
  await createOrders(source);
  installation = await install(`shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${warehouse.url}" }\n`);
  restore = useInstallation(installation);
});
afterAll(async () => {
  restore();
  await installation.close();
  await Promise.all([source.drop(), warehouse.drop()]);
});

const yaml = (name: string, words: string, more = '') => `pipeline: ${name}\nsource: shop\ndestination: db\nstreams:\n  - stream: orders\n    to: ${name}\n    mode: incremental\n    cursor: at\n    partition: { rows: 1000 }\n    ${words}\n${more}`;
const append = 'write: append\n    visible: batch';
const cleaned = async (pipeline: string, ...flags: string[]) => {
  const report = events(await millrace('clean', '--json', ...flags)).at(-1) as unknown as CleanReport;
  return report.pipelines.find((one) => one.pipeline === pipeline)!;
};
const stateOf = async (pipeline: string) => (await warehouse.rows('SELECT state, count(*)::text AS n FROM _millrace_loads WHERE pipeline = $1 GROUP BY 1 ORDER BY 1', [pipeline])).map(({ state, n }) => `${state} ${n}`);
const rowsIn = async (table: string) => Number((await warehouse.row(`SELECT count(*)::text AS n FROM ${table}`))['n']);
const staged = (folder: string): readonly string[] => {
  const place = path.join(installation.home, 'staging', folder);
  return existsSync(place) ? readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.json')).map(({ name }) => name) : [];
};
const hiddenTables = async () => (await warehouse.rows("SELECT relname FROM pg_class WHERE relname LIKE '\\_millrace\\_s\\_%'")).length;

test('what a terminated run left is settled through a claim and swept', async () => {
  const halted = await installation.startWorker('check:after-report#1#SIGSTOP');
  const handle = await installation.start(yaml('dead', append), '2026-02-01T00:00:00Z');
  await eventually(async () => existsSync(path.join(installation.home, 'staging/dead/run-20260201T000000Z/orders/check-report.json')), 'all batches are loaded and the worker stands still');
  expect(await stateOf('dead')).toEqual(['committed 3']);
  const folder = 'dead/run-20260201T000000Z';
  const before = staged(folder).length;
  expect(before).toBeGreaterThan(0);
  await handle.terminate('for the test');
  await installation.startWorker();
  await eventually(async () => (await installation.client.workflow.getHandle('dead').describe()).status.name !== 'RUNNING', 'the lock is free');
  expect(await cleaned('dead', '--dry-run')).toMatchObject({ files: before, settled: [], unsettled: [folder] });
  expect(await rowsIn('dead')).toBe(3000);
  expect(await cleaned('dead')).toMatchObject({ files: before, settled: [`${folder}: orders`] });
  expect(await stateOf('dead')).toEqual(['rolled_back 3']);
  expect(await rowsIn('dead')).toBe(0);
  expect(staged(folder)).toEqual([]);
  expect(existsSync(path.join(installation.home, 'staging', folder, 'run.json'))).toBe(true);
  expect(await cleaned('dead')).toMatchObject({ files: 0, settled: [], unsettled: [] });

  // The halted attempt wakes up and must not publish; the next run loads each row once.
  halted.kill('SIGCONT');
  expect((await installation.run(yaml('dead', append), '2026-02-02T00:00:00Z')).totals.loaded).toBe(3000);
  expect(await rowsIn('dead')).toBe(3000);
});

test('what a run that goes on needs stays', async () => {
  await installation.startWorker();
  const blocked = await source.transaction(async () => {
    // The settling of the watermark waits for this transaction, so the run goes on until it has ended.
    await source.run('CREATE TABLE unrelated (id int)');
    const handle = await installation.start(yaml('alive', 'write: merge\n    key: [id]'), '2026-02-01T00:00:00Z');
    await eventually(async () => existsSync(path.join(installation.home, 'staging/alive/run-20260201T000000Z/run.json')), 'it has started');
    writeFileSync(path.join(installation.home, 'staging/alive/run-20260201T000000Z/part.parquet'), 'x');
    expect(await cleaned('alive')).toMatchObject({ files: 0, settled: [], unsettled: [], notes: ['alive/run-20260201T000000Z: it is going on'] });
    expect(staged('alive/run-20260201T000000Z')).toEqual(['part.parquet']);
    return handle;
  });
  expect(await summaryOf(blocked)).toMatchObject({ totals: { loaded: 3000 } });
});

test('a run that a later one has settled is not claimed again, and hidden tables that nobody owns are dropped', async () => {
  await installation.startWorker();
  await installation.run(yaml('later', 'write: merge\n    key: [id]'), '2026-02-01T00:00:00Z');
  const { hash, fence } = await warehouse.row("SELECT fence::text, 'x' AS hash FROM _millrace_checkpoints WHERE pipeline = 'later'") as { hash: string; fence: string };
  expect(hash).toBe('x');
  // What a settling leaves that could not get its lock: the hidden table of a lower fence.
  const { createHash } = await import('node:crypto');
  const stem = createHash('sha256').update('public.later\nlater\norders').digest('hex').slice(0, 16);
  await warehouse.run(`CREATE TABLE _millrace_s_0_${stem} (id bigint)`);
  expect(await cleaned('later', '--dry-run')).toMatchObject({ tables: [`_millrace_s_0_${stem}`] });
  expect(await hiddenTables()).toBe(1);
  expect(await cleaned('later')).toMatchObject({ tables: [`_millrace_s_0_${stem}`] });
  expect(await hiddenTables()).toBe(0);
  expect((await warehouse.row("SELECT fence::text FROM _millrace_checkpoints WHERE pipeline = 'later'"))['fence']).toBe(fence);
});

test('batches stay as long as keep says, rejected rows as long as quarantine says, receipts always', async () => {
  await installation.startWorker();
  const words = "write: merge\n    key: [id]\n    checks: [{ range: { column: id, min: 11, on_fail: quarantine } }]";
  const summary = await installation.run(yaml('kept', words, 'keep: 1 hour\nquarantine: { keep: 1 day }\n'), '2026-02-01T00:00:00Z');
  expect(summary.totals).toMatchObject({ loaded: 2990, rejected: 10 });
  const folder = 'kept/run-20260201T000000Z';
  expect(staged(folder).filter((name) => name.endsWith('.parquet'))).toHaveLength(3);
  expect(staged(folder).filter((name) => name.endsWith('.csv'))).toEqual([]);
  expect(await cleaned('kept')).toMatchObject({ files: 0, quarantineFiles: 0 });
  // The next run's words hold for all runs of the pipeline: nothing is kept longer than its file says now.
  await installation.run(yaml('kept', words, 'quarantine: { max: 1 B }\n'), '2026-02-02T00:00:00Z');
  expect(await cleaned('kept')).toMatchObject({ files: 3, quarantineFiles: 1 });
  expect(staged(`quarantine/${folder}`)).toEqual([]);
  expect(existsSync(path.join(installation.home, 'staging', folder, 'receipt.json'))).toBe(true);
});

test('a run of another server is left alone until it is long forgotten', async () => {
  await installation.startWorker();
  const folder = path.join(installation.home, 'staging/other/run-20260201T000000Z');
  mkdirSync(path.join(folder, 'orders/0000'), { recursive: true });
  const run = { pipeline: 'other', workflowId: 'other/run-2026-02-01T00:00:00Z', logicalDate: '2026-02-01T00:00:00Z', generation: 1, executionId: 'elsewhere', startedAt: '2026-02-01T00:00:00.000Z' };
  writeFileSync(path.join(folder, 'run.json'), JSON.stringify({ run, spec: { pipeline: 'other', destination: 'db', streams: [] }, connectionsFile: installation.connectionsFile, allowDestructive: false }));
  writeFileSync(path.join(folder, 'orders/0000/x.csv'), 'x');
  expect(await cleaned('other')).toMatchObject({ files: 0, notes: [expect.stringContaining('does not know it')] });
  const longAgo = new Date(Date.now() - 31 * 86_400_000);
  for (const name of ['run.json', 'orders/0000/x.csv']) utimesSync(path.join(folder, name), longAgo, longAgo);
  expect(await cleaned('other')).toMatchObject({ files: 1 });
});

test('extraction waits where staging is full, and goes on by itself once there is room', async () => {
  await installation.startWorker();
  const ballast = path.join(installation.home, 'staging/ballast.bin');
  writeFileSync(ballast, Buffer.alloc(60_000_000));
  const handle = await installation.start(yaml('full', 'write: merge\n    key: [id]', 'staging: { max: 50 MB }\n'), '2026-02-01T00:00:00Z');
  await eventually(async () => {
    const described = await installation.client.workflow.getHandle('full/run-2026-02-01T00:00:00Z/orders').describe().catch(() => null);
    return described?.raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'extractPartition');
  }, 'extraction has started');
  expect(staged('full')).toEqual([]);
  rmSync(ballast);
  expect(await summaryOf(handle)).toMatchObject({ totals: { loaded: 3000 } });
});

test('the janitor is a schedule of its own, made once', async () => {
  await installation.startWorker();
  expect((await millrace('schedule', 'apply', '--janitor')).out).toMatch(/^schedule millrace\/clean-[0-9a-f]+: created/);
  expect((await millrace('schedule', 'apply', '--janitor')).out).toMatch(/: unchanged/);
  const [, id] = /schedule (\S+):/.exec((await millrace('schedule', 'apply', '--janitor')).out)!;
  const handle = installation.client.schedule.getHandle(id!);
  await handle.trigger('SKIP');
  const run = await eventually(async () => (await handle.describe()).info.recentActions[0]?.action.workflow.workflowId, 'it starts');
  expect(await installation.client.workflow.getHandle(run).result()).toMatchObject({ dryRun: false });
  expect((await millrace('schedule', 'apply', '--janitor', '--off')).out).toContain('deleted');
});
