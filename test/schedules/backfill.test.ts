import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunSummary } from '../../src/domain/receipt';
import { events, millrace, useInstallation } from '../support/millrace';
import { createOrders } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually, workflowsOf } from '../support/temporal';
import { install, type Installation } from '../support/worker';

// 3,000 orders, one a second from 2026-01-01T00:00:01Z: 50 minutes.
let source: TestDatabase;
let warehouse: TestDatabase;
let installation: Installation;
let restore: () => void;

beforeAll(async () => {
  source = await createDatabase();
  warehouse = await createDatabase();
  await createOrders(source);
  installation = await install(`shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${warehouse.url}" }\nduck: { connector: duckdb, path: out.duckdb }\n`);
  restore = useInstallation(installation);
  await installation.startWorker();
});
afterAll(async () => {
  restore();
  await installation.close();
  await Promise.all([source.drop(), warehouse.drop()]);
});

const yaml = (name: string, words: string, more = '', destination = 'db') => `pipeline: ${name}\nsource: shop\ndestination: ${destination}\nstreams:\n  - stream: orders\n    to: ${name}\n    mode: incremental\n    cursor: at\n    ${words}\n${more}`;
function fileOf(name: string, text: string): string {
  const file = path.join(installation.home, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
}
const merge = 'write: merge\n    key: [id]';
const idsOf = async (table: string, where = 'true') => (await warehouse.rows(`SELECT id::text AS id FROM ${table} WHERE ${where} ORDER BY ${table}.id`)).map(({ id }) => Number(id));
const checkpoint = (pipeline: string) => warehouse.row('SELECT position, version::text FROM _millrace_checkpoints WHERE pipeline = $1', [pipeline]);
const between = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
/** Runs of a pipeline that the server's list finds by their labels. */
const labelled = (pipeline: string, words: string) => workflowsOf(installation.client, `WorkflowType = "runPipeline" AND TaskQueue = "${installation.taskQueue}" AND MillracePipeline = "${pipeline}" AND MillraceState = "succeeded" AND ${words}`);
const window = ['--from', '2026-01-01T00:10:00Z', '--to', '2026-01-01T00:20:00Z'] as const;

test('a backfill reads exactly its window and leaves the checkpoint where it is', async () => {
  await installation.run(yaml('exact', merge), '2026-01-01T00:30:00Z');
  const before = await checkpoint('exact');
  // One row lost and one spoilt inside the window; outside it, one of each too.
  await warehouse.run("DELETE FROM exact WHERE id IN (700, 1500)");
  await warehouse.run("UPDATE exact SET note = 'spoilt' WHERE id IN (800, 1600)");
  const { code, out } = await millrace('backfill', fileOf('exact', yaml('exact', merge)), ...window, '--json');
  const summary = events({ code, out, err: '' }).at(-1)!['summary'] as RunSummary;
  expect(code).toBe(0);
  await eventually(async () => (await labelled('exact', 'MillraceRows = 2')).includes(summary.run.workflowId), 'the run is found');
  expect(summary.run).toMatchObject({ workflowId: 'exact/backfill-2026-01-01T00:10:00Z_2026-01-01T00:20:00Z', backfill: { from: '2026-01-01T00:10:00Z', to: '2026-01-01T00:20:00Z' } });
  expect(summary.totals).toMatchObject({ read: 600, loaded: 2, deduplicated: 598 });
  expect(await installation.verify(summary.run.workflowId)).toMatchObject({ ok: true, workflowId: summary.run.workflowId, streams: [{ rows: 2, state: 'intact' }] });
  expect(await idsOf('exact', "note = 'spoilt'")).toEqual([1600]);
  expect(await idsOf('exact')).toEqual(between(1, 1800).filter((id) => id !== 1500));
  const after = await checkpoint('exact');
  expect(after['position']).toBe(before['position']);
  expect(await warehouse.rows("SELECT DISTINCT run FROM _millrace_loads WHERE pipeline = 'exact' AND run LIKE '%backfill%'")).toEqual([{ run: 'exact/backfill-20260101T001000Z-20260101T002000Z' }]);

  // The next run reads on from the checkpoint, as if nothing had happened; the same backfill again is a generation of its own.
  expect((await installation.run(yaml('exact', merge), '2026-01-01T01:00:00Z')).totals.read).toBe(1201);
  const again = await millrace('backfill', fileOf('exact', yaml('exact', merge)), ...window, '--json');
  expect(events(again).at(-1)!['summary']).toMatchObject({ run: { generation: 2 }, totals: { read: 600, loaded: 0, deduplicated: 600 } });
  expect((await millrace('status', 'exact/backfill-2026-01-01T00:10:00Z_2026-01-01T00:20:00Z')).out).toContain('backfill-2026-01-01T00:10:00Z');
});

test('windows load what the scheduled runs of the same instants loaded', async () => {
  const instants = ['2026-01-01T00:00:00Z', '2026-01-01T00:20:00Z', '2026-01-01T00:40:00Z', '2026-01-01T01:00:00Z'];
  const scheduled: number[] = [];
  for (const instant of instants.slice(1)) scheduled.push((await installation.run(yaml('planned', merge), instant)).totals.loaded);
  const file = fileOf('again', yaml('again', merge, 'schedule: { every: 20 minutes }\n'));
  await millrace('schedule', 'apply', file);
  try {
    const said = events(await millrace('schedule', 'backfill', 'again', '--from', instants[0]!, '--to', instants[3]!, '--json'));
    expect(said[0]).toMatchObject({ event: 'started', windows: 3 });
    expect(said.at(-1)).toMatchObject({ event: 'summary', summary: { windows: 3, done: 3, read: 3000, loaded: 3000 } });
    await eventually(async () => (await labelled('again', 'MillraceRows > 0')).length === 3, 'a run for each window is found');
    const receipts = events(await millrace('status', 'again', '--json'))[0]!['receipts'] as readonly RunSummary[];
    expect([...receipts].sort((left, right) => left.run.logicalDate.localeCompare(right.run.logicalDate)).map(({ totals }) => totals.loaded)).toEqual(scheduled);
    expect(await warehouse.rows('SELECT id, total, note, at FROM again EXCEPT SELECT id, total, note, at FROM planned')).toEqual([]);
    // Never published by a run: the first one starts at the beginning.
    expect((await checkpoint('again'))['position']).toBe('{"cursor":null}');
    expect((await installation.run(yaml('again', merge), '2026-01-01T02:00:00Z')).totals).toMatchObject({ read: 3000, deduplicated: 3000 });
  } finally {
    await millrace('schedule', 'delete', 'again');
  }
});

test.each([
  ['is loaded', ''],
  // Kept beside the rows, since the steps drop it.
  ['is dropped by a step', '\n    steps: [{ drop: { columns: [at] } }]'],
])('a newer version that a later run wrote stays, where the column that tells %s', async (how, steps) => {
  const table = `newer_${how.split(' ')[1]}`;
  const text = yaml(table, `${merge}${steps}`);
  await installation.run(text, '2026-01-01T01:00:00Z');
  await warehouse.run(`UPDATE ${table} SET ${steps ? '_millrace_order' : 'at'} = '2026-01-01T05:00:00Z', note = 'later' WHERE id = 700`);
  expect((await millrace('backfill', fileOf(table, text), ...window)).code).toBe(0);
  expect(await idsOf(table, "note = 'later'")).toEqual([700]);
});

test('delete_insert by window takes away what the source no longer has, in the window alone', async () => {
  const words = 'write: delete_insert\n    by: window';
  await installation.run(yaml('windowed', words), '2026-01-01T01:00:00Z');
  await source.run('CREATE TABLE gone AS SELECT * FROM orders WHERE id IN (650, 1300)');
  await source.run('DELETE FROM orders WHERE id IN (650, 1300)');
  expect((await millrace('backfill', fileOf('windowed', yaml('windowed', words)), ...window, '--every', '4 minutes')).code).toBe(0);
  await source.run('INSERT INTO orders SELECT * FROM gone');
  expect(await idsOf('windowed')).toEqual(between(1, 3001).filter((id) => id !== 650));
});

test('a backfill into DuckDB lies in its window too', async () => {
  const file = fileOf('duckling', yaml('duckling', merge, '', 'duck'));
  expect(events(await millrace('backfill', file, ...window, '--json')).at(-1)).toMatchObject({ summary: { state: 'succeeded', totals: { read: 600, loaded: 600 } } });
});

test.each([
  ['write: append', 'is written by append, which cannot tell rows that are there from rows that are missing'],
  ['write: delete_insert\n    by: [note]', 'replaces rows by note, of which a window may hold only a part'],
  ["write: delete_insert\n    by: [day]\n    cursor_changes: never\n    lookback: day\n    steps: [{ add: { columns: { day: \"date_trunc('day', at)\" } } }]", 'works on whole days, and the window from 2026-01-01T00:10:00Z to 2026-01-01T00:20:00Z cuts one'],
])('is refused with the reason: %s', async (words, reason) => {
  const { code, err } = await millrace('backfill', fileOf('refused', yaml('refused', words)), ...window);
  expect([code, err]).toEqual([4, expect.stringContaining(reason)]);
});

test('an empty range and a window of no length are told before anything starts', async () => {
  const file = fileOf('range', yaml('range', merge));
  expect(await millrace('backfill', file, '--from', '2026-01-02', '--to', '2026-01-01')).toMatchObject({ code: 4, err: expect.stringContaining('the range is empty') as string });
  expect(await millrace('backfill', file, '--from', '2026-01-01', '--to', '2026-01-02', '--every', 'now')).toMatchObject({ code: 4, err: expect.stringContaining('--every "now"') as string });
  expect(await millrace('backfill', file, ...window, '--stream', 'ordrs')).toMatchObject({ code: 4, err: expect.stringContaining('unknown stream "ordrs"') as string });
});
