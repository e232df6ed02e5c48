import { readEnvironment } from '../../src/config/environment';
import { runPath } from '../../src/domain/ids';
import type { RunSummary } from '../../src/domain/receipt';
import { openStaging } from '../../src/stores/open-staging';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, createOrders, pipelineOf } from '../support/orders';
import type { StreamProgress } from '../../src/workflows/messages';
import { eventually } from '../support/temporal';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { createBucket, s3Server } from '../support/s3';
import { install, type Installation } from '../support/worker';

/** Staging lies in a bucket: nothing of a run is in the home of who asks. */
let source: TestDatabase;
let installation: Installation;
let restore: () => void;
let summary: RunSummary;
const yaml = pipelineOf('afar', 'db', 'mode: full\n    write: replace');

beforeAll(async () => {
  source = await createDatabase();
  await createOrders(source);
  const { bucket, endpoint } = await createBucket();
  const { accessKeyId, secretAccessKey } = s3Server();
  const variables = { MILLRACE_STAGING: `s3://${bucket}/staging?endpoint=${encodeURIComponent(endpoint!)}`, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  installation = await install(connections(source, source), { variables });
  restore = useInstallation(installation);
  Object.assign(process.env, variables);
  await installation.startWorker();
});
afterAll(async () => {
  restore();
  await installation.close();
  await source.drop();
});

it('knows no run before the first', async () => {
  expect(await millrace('status', 'afar')).toMatchObject({ code: 1, out: 'nothing is known of "afar"; "millrace status" lists what has run\n' });
});

it('--watch shows a run to its end, then its receipt from the bucket', async () => {
  const handle = await installation.start(yaml);
  const { code, out } = await millrace('status', handle.workflowId, '--watch');
  expect(code).toBe(0);
  expect(out).toContain(`${handle.workflowId}  succeeded`);
  expect(out).toMatch(/orders .*3,000/);
  summary = await handle.result() as RunSummary;
  const told = events(await millrace('status', handle.workflowId, '--watch', '--json'));
  expect(told).toMatchObject([{ event: 'status', receipts: [{ totals: { read: 3000 } }], gaps: [] }]);
});

it('counts what was tried again, also once it has succeeded', async () => {
  const waiting = `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%' AND wait_event_type = 'Lock'`;
  const other = await source.again();
  const handle = await other.transaction(async () => {
    await other.run('LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const started = await installation.start(yaml.replace('pipeline: afar', 'pipeline: again').replace('to: afar', 'to: again'));
    const { pid } = await eventually(async () => (await source.rows(waiting))[0], 'it waits for the lock');
    await source.run('SELECT pg_terminate_backend($1::int)', [pid!]);
    await eventually(async () => (await millrace('status', 'again')).out.includes('1 retry'), 'the lost connection shows');
    return started;
  });
  await other.close();
  await handle.result();
  const child = installation.client.workflow.getHandle(`${handle.workflowId}/orders`);
  const { totals } = await child.query<StreamProgress>('streamProgress');
  expect(totals).toMatchObject({ extracted: 3000, loaded: 3000, retries: 1 });
  expect(totals.bytes).toBeGreaterThan(30_000);
});

it('tells what was left out, until a later publish has it', async () => {
  const store = await openStaging(readEnvironment());
  const gap = { partition: 'orders/0001', label: 'id 1001 … 2000', detail: null, window: null, estimatedRows: 1000, by: 'ann@desk', reason: 'the block is damaged', at: '2099-01-01T00:00:00Z' };
  const run = { ...summary.run, workflowId: 'afar/run-2099-01-01T00:00:00Z', logicalDate: '2099-01-01T00:00:00Z' };
  const [stream] = summary.streams;
  await store.putIfAbsent(`${runPath(run)}/receipt.json`, JSON.stringify({ ...summary, run, finishedAt: '2099-01-01T00:01:00Z', streams: [{ ...stream, gaps: [gap] }] }));
  const { out } = await millrace('status');
  expect(out).toContain('"millrace retry afar orders --gaps"');
  expect(out.replace(/\s+/g, ' ')).toContain('- id 1001 … 2000, about 1,000 rows: skipped 2099-01-01 by ann@desk: the block is damaged');
  await store.putIfAbsent(`${runPath({ ...run, generation: 2 })}/receipt.json`, JSON.stringify({ ...summary, run: { ...run, generation: 2 }, finishedAt: '2099-01-02T00:00:00Z' }));
  expect((await millrace('status', 'afar')).out).not.toContain('--gaps');
});

it('--checks shows what each check said, run by run', async () => {
  const checks = `[{ row_count: { must_be_greater_than: 2999, on_fail: warn } }, { range: { column: total, min: 1.5, on_fail: quarantine } }, { range: { column: total, min: 2, where: "id < 10", on_fail: warn } }, { unique: { columns: [id], at: destination } }]`;
  const judged = pipelineOf('judged', 'db', `mode: full\n    write: replace\n    checks: ${checks}`);
  const first = await installation.run(judged);
  await source.run('DELETE FROM orders WHERE id < 4');
  const second = await installation.run(judged);
  expect(second.state).toBe('succeeded');
  const said = events(await millrace('status', 'judged', '--checks', '--json'));
  const common = { event: 'check', pipeline: 'judged', stream: 'orders' };
  expect(said).toMatchObject([
    { ...common, check: 'range', run: second.run.workflowId, verdict: 'holds', failingRows: 0, rule: 'column: total, min: 1.5', at: second.finishedAt },
    { ...common, check: 'range', run: first.run.workflowId, verdict: 'set aside', failingRows: 1, onFail: 'quarantine' },
    { ...common, check: 'range', run: second.run.workflowId, verdict: 'holds', failingRows: 0, rule: 'column: total, min: 2, where: id < 10' },
    { ...common, check: 'range', run: first.run.workflowId, verdict: 'holds', failingRows: 0, onFail: 'warn' },
    { ...common, check: 'row_count', run: second.run.workflowId, verdict: 'warned', failingRows: null, observed: '2997', expected: 'must be greater than 2999' },
    { ...common, check: 'row_count', run: first.run.workflowId, verdict: 'warned', observed: '2999' },
    { ...common, check: 'unique', run: second.run.workflowId, verdict: 'holds', over: 'destination', failingRows: 0 },
    { ...common, check: 'unique', run: first.run.workflowId, verdict: 'holds' },
  ]);
  const { out } = await millrace('status', 'judged', '--checks');
  expect(out).toContain('orders  check row_count, on failing warn  must be greater than 2999\n');
  expect(out).toMatch(/  run-[\dTZ:-]+ +\d{4}-\d\d-\d\d \d\d:\d\d +warned +2997\n/);
  expect(out).toContain('orders  check unique of the destination, on failing block  columns: [id]\n');
  expect(events(await millrace('status', first.run.workflowId, '--checks', '--json'))).toHaveLength(4);
  expect(events(await millrace('status', 'judged', '--checks', '--runs', '1', '--json'))).toHaveLength(4);
  expect(await millrace('status', 'afar', '--checks')).toMatchObject({ code: 0, out: '"afar" has no checks; "millrace list checks" shows which there are\n' });
});
