import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { runPath } from '../../src/domain/ids';
import { events, millrace, useInstallation } from '../support/millrace';
import { connections, createOrders, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

let source: TestDatabase;
let installation: Installation;
let restore: () => void;
let run: string;
let runFolder: string;
const words = 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id <= 20 or id = 2001" } }, { cast: { columns: { note: BIGINT } } }]\n    checks: [{ range: { column: total, max: 10, on_fail: quarantine } }]';

beforeAll(async () => {
  source = await createDatabase();
  await createOrders(source);
  installation = await install(connections(source, source));
  restore = useInstallation(installation);
  await installation.startWorker();
  const summary = await installation.run(pipelineOf('shown', 'db', words));
  run = summary.run.workflowId;
  runFolder = runPath(summary.run);
});
afterAll(async () => {
  restore();
  await installation.close();
  await source.drop();
});

it('list counts rejected rows by step and reason', async () => {
  const { code, out } = await millrace('quarantine', 'list');
  expect(code).toBe(0);
  expect(out).toMatch(new RegExp(`${run} +orders\n`));
  expect(out).toMatch(/1 cast +note +.*BIGINT.* +19\n/);
  expect(out).toMatch(/checks +total +.* +1\n/);
});

it('list and show take filters', async () => {
  const groups = async (...flags: readonly string[]) => (events(await millrace('quarantine', 'list', 'shown', '--json', ...flags))[0] as { runs: { groups: { step: string }[] }[] }).runs.flatMap((one) => one.groups.map(({ step }) => step));
  expect(await groups('--column', 'total')).toEqual(['checks']);
  expect(await groups('--step', 'cast')).toEqual(['1 cast']);
  expect(await groups('--reason', 'no such reason')).toEqual([]);
  expect((await millrace('quarantine', 'show', run, '--column', 'total')).out).not.toContain('[1 cast]');
});

it('show gives reasons, the record and its place in the source', async () => {
  const { code, out } = await millrace('quarantine', 'show', run, 'orders', '--limit', '2');
  expect(code).toBe(0);
  expect(out).toMatch(/row 1, public\.orders {2}\[1 cast\] {2}note /);
  expect(out).toContain('{"id":"1","total":"1.01","note":"note 1"');
  expect(out).toContain('2 of 20 rows');
  const all = events(await millrace('quarantine', 'show', run, '--json', '--limit', '100'));
  expect(all).toHaveLength(20);
  expect(all.at(-1)).toMatchObject({ event: 'rejected', stream: 'orders', reasons: [{ column: 'note' }] });
  expect(BigInt(String(all.at(-1)!['position'])) / 2n ** 40n).toBe(2n);
  expect((await millrace('quarantine', 'show', run)).out).toMatch(/row \d of partition 2,/);
});

it('reads what the winning attempt recorded, not what a lost one left behind', async () => {
  const batch = path.join(installation.home, 'staging/quarantine', runFolder, 'orders/0000/00');
  writeFileSync(path.join(batch, 'left-behind.parquet'), 'not even parquet');
  expect((await millrace('quarantine', 'list', run)).out).toMatch(/note +.* 19\n/);
});

it('knows when there is nothing to show', async () => {
  expect(await millrace('quarantine', 'show', 'nowhere')).toMatchObject({ code: 1, err: expect.stringContaining('"millrace status" lists') as string });
  expect(await millrace('quarantine', 'show', run, 'order')).toMatchObject({ code: 4, err: expect.stringContaining('did you mean "orders"') as string });
  expect(await millrace('quarantine', 'show', run, '--limit', 'all')).toMatchObject({ code: 4, err: expect.stringContaining('whole number') as string });
});
