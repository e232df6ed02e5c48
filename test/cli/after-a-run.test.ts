import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
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
  expect(out).toMatch(/2 cast +note +.*BIGINT.* +19\n/);
  expect(out).toMatch(/checks +total +.* +1\n/);
});

it('list and show take filters', async () => {
  const groups = async (...flags: readonly string[]) => (events(await millrace('quarantine', 'list', 'shown', '--json', ...flags))[0] as { runs: { groups: { step: string }[] }[] }).runs.flatMap((one) => one.groups.map(({ step }) => step));
  expect(await groups('--column', 'total')).toEqual(['checks']);
  expect(await groups('--step', 'cast')).toEqual(['2 cast']);
  expect(await groups('--reason', 'no such reason')).toEqual([]);
  expect((await millrace('quarantine', 'show', run, '--column', 'total')).out).not.toContain('[2 cast]');
});

it('show gives reasons, the record and its place in the source', async () => {
  const { code, out } = await millrace('quarantine', 'show', run, 'orders', '--limit', '2');
  expect(code).toBe(0);
  expect(out).toMatch(/row 1, public\.orders {2}\[2 cast\] {2}note /);
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

describe('lineage', () => {
  it('leads from a row back to its run, one look-up each', async () => {
    const { number } = await source.row('SELECT min(_millrace_batch_id)::text AS number FROM shown');
    const { code, out } = await millrace('lineage', 'shown', number!);
    expect(out).toMatch(/ledger +batch \d+, \d+ rows? staged, published at/);
    expect(out).toMatch(/stream +orders, [\d,]+ rows? published\n/);
    expect(out).toMatch(/batch +shown\/run-\w+\/orders\/000\d\/00, checksum\s+\w+,\s+read 999/);
    expect(out).toMatch(/landed +999 rows of public\.orders/);
    expect(out).toMatch(/partition +\d: id /);
    expect(out).toContain(`run        ${run}`);
    expect(code).toBe(0);
  });

  it('lists the batches of a run', async () => {
    const { out } = await millrace('lineage', run, '--limit', '2');
    expect(out).toMatch(/0000\/00 .* 999 +1 +19 /);
    expect(out).toContain('and 1 batch more');
  });

  it('knows which tables there are, and no batch that is not there', async () => {
    expect(await millrace('lineage', 'elsewhere', '1')).toMatchObject({ code: 4, err: expect.stringMatching(/known tables: .*shown/) as string });
    expect(await millrace('lineage', 'shown', '999999')).toMatchObject({ code: 4, err: expect.stringContaining('no ledger knows batch 999999') as string });
    expect((await millrace('lineage', 'shown', 'x')).code).toBe(4);
  });
});

// The plotting library is a module of the kind that only Node itself loads.
const built = async (...argv: readonly string[]) => promisify(execFile)(process.execPath, [path.resolve(__dirname, '../../lib/client.js'), ...argv], { env: process.env });

it('report writes one page that needs nothing else, with the balance and every plot', async () => {
  const out = path.join(installation.home, 'report.html');
  expect((await built('report', run, '--out', out)).stdout).toContain('report.html');
  const page = readFileSync(out, 'utf8');
  for (const heading of ['The balance', 'Rows through the stages', 'Rejected rows by reason', 'Partitions by stage', 'Throughput']) expect(page).toContain(`<h3>${heading}</h3>`);
  expect(page).toContain('closes');
  expect(page).toContain('range <span class="faint">column: total, max: 10</span></td><td class="failed">set aside</td><td>1</td>');
  expect(page.match(/<svg/g)).toHaveLength(8);
  expect(page).not.toMatch(/<(script|link)\b|(src|href)="(?!#)/);
  // Reasons are told, values are not.
  expect(page).not.toContain('note 13');
});

describe('doctor', () => {
  it('looks at server, worker, clocks, room and connections', async () => {
    const { code, out } = await millrace('doctor');
    expect(out).toMatch(/ok +Temporal/);
    expect(out).toMatch(/ok +worker +process \d+, Millrace/);
    expect(out).toMatch(/ok +clocks +the Temporal server agrees/);
    expect(out).toMatch(/ok +connections +shop, db, duck, lake/);
    expect(code).toBe(0);
  });

  it('says which connection cannot be resolved', async () => {
    const file = path.join(installation.home, 'broken.yaml');
    writeFileSync(file, 'shop: { connector: postgres, url: "${env:NO_SUCH_VARIABLE}" }\n');
    const before = { ...process.env };
    process.env['MILLRACE_CONNECTIONS'] = file;
    expect(await millrace('doctor')).toMatchObject({ code: 1, out: expect.stringMatching(/failed +connections +shop: [^]*NO_SUCH_VARIABLE/) as string });
    process.env = before;
  });
});

it('verify tells each run in a line, the last one first, and ends with 3 where rows are missing', async () => {
  const yaml = pipelineOf('merged_twice', 'db', 'mode: full\n    write: merge\n    key: id\n    steps: [{ filter: { where: "id <= 5" } }]');
  const paths = [runPath((await installation.run(yaml)).run), runPath((await installation.run(yaml)).run)];
  expect(await millrace('verify', 'merged_twice')).toMatchObject({ code: 0, out: expect.stringMatching(new RegExp(`^${paths[1]}  wrote no rows\n[^]*\n${paths[0]}  as it was loaded\n[^]* 5 rows loaded in `)) as string });
  await source.run('DELETE FROM merged_twice WHERE id = 3');
  expect(await millrace('verify', 'merged_twice')).toMatchObject({ code: 3, out: expect.stringMatching(new RegExp(`${paths[1]}  wrote no rows\n[^]*\n${paths[0]}  not as it was loaded\n[^]*1 of 5 rows are missing`)) as string });
});
