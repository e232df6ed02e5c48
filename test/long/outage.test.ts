// Real outages take their time, and runs must be short beside them.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startTemporal, type TemporalServer } from '../../src/dev/temporal';
import type { InstantAccount } from '../../src/domain/instants';
import { events, millrace } from '../support/millrace';
import { createOrders } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, type Installation } from '../support/worker';

const before = { ...process.env };
const every = 6000;
const folder = mkdtempSync(path.join(tmpdir(), 'outage-'));
let source: TestDatabase;
let warehouse: TestDatabase;
let server: TemporalServer;
let installation: Installation;

/** Again on the port it had: its worker looks for it there. */
const start = (port = 0) => startTemporal({ folder: path.join(folder, 'temporal'), port, uiPort: 0, tools: path.join(__dirname, '../../.millrace/tools'), log: () => undefined });

beforeAll(async () => {
  source = await createDatabase();
  warehouse = await createDatabase();
  await createOrders(source);
  server = await start();
  installation = await install(`shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${warehouse.url}" }\n`, { address: server.address });
});
afterAll(async () => {
  await installation.close();
  await server.stop();
  process.env = before;
  await Promise.all([source.drop(), warehouse.drop()]);
  rmSync(folder, { recursive: true, force: true });
});

const clock = (seconds: number, what: string) => {
  const until = Date.now() + seconds * 1000;
  return eventually(async () => Date.now() >= until, what, seconds + 30);
};
const loaded = async (table: string) => Number((await warehouse.rows(`SELECT count(*)::text AS n FROM ${table}`).catch(() => [{ n: '0' }]))[0]!['n']);
/** Between two runs, with time to stop the server: one that is going on then goes on until it is back. What the schedule says of that comes late. */
const quiet = (pipeline: string) => eventually(async () => {
  const { info } = await installation.client.schedule.getHandle(pipeline).describe();
  const { count } = await installation.client.workflow.count(`TemporalScheduledById = "${pipeline}" AND ExecutionStatus = "Running"`);
  const last = info.recentActions.at(-1)?.scheduledAt.getTime() ?? 0;
  return count === 0 && info.nextActionTimes[0]!.getTime() - last <= every && info.nextActionTimes[0]!.getTime() - Date.now() > 2500;
}, 'no run is going on, and none waits', 90);
const newOrder = (id: number) => source.run(`INSERT INTO orders VALUES (${id}, 1.00, NULL, now())`);

test('outages shorter and longer than the catch-up window leave no instant unaccounted for, and no gap in the data', async () => {
  const pipeline = `outage_${randomBytes(4).toString('hex')}`;
  const file = path.join(installation.home, 'p.yaml');
  writeFileSync(file, `pipeline: ${pipeline}\nsource: shop\ndestination: db\nstreams:\n  - stream: orders\n    to: ${pipeline}\n    mode: incremental\n    cursor: at\n    write: merge\n    key: [id]\nschedule: { every: 6 seconds, overlap: buffer_one, catchup: 30 seconds }\n`);
  Object.assign(process.env, { TEMPORAL_ADDRESS: server.address, TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml'), MILLRACE_HOME: installation.home, MILLRACE_TASK_QUEUE: installation.taskQueue, MILLRACE_CONNECTIONS: installation.connectionsFile });
  await installation.startWorker();
  const accounts = async () => events(await millrace('schedule', 'list', pipeline, '--json')).at(-1)!['instants'] as readonly InstantAccount[];
  expect((await millrace('schedule', 'apply', file)).code).toBe(0);
  await eventually(async () => (await loaded(pipeline)) === 3000, 'the first run loads all');

  await quiet(pipeline);
  await server.stop();
  await newOrder(4001);
  await clock(7, 'a short outage');
  server = await start(Number(server.address.split(':')[1]));
  await eventually(async () => (await loaded(pipeline)) === 3001, 'the row of the short outage is loaded');
  expect((await accounts()).filter(({ fate }) => fate === 'missed')).toEqual([]);

  await quiet(pipeline);
  await server.stop();
  const down = new Date().toISOString();
  await newOrder(4002);
  await clock(50, 'an outage longer than the catch-up window');
  server = await start(Number(server.address.split(':')[1]));
  await eventually(async () => (await loaded(pipeline)) === 3002, 'the row of the long outage is loaded');
  await millrace('schedule', 'pause', pipeline, '--reason', 'seen enough');
  await eventually(async () => (await accounts()).every(({ fate }) => fate !== 'waiting'), 'nothing waits');

  const told = await accounts();
  const missed = told.filter(({ fate }) => fate === 'missed');
  if (missed.length < 2) throw new Error(JSON.stringify({ down, told }, null, 1));
  expect(missed.every(({ at, why }) => at >= down.slice(0, 19) && why === 'Temporal was down for longer than catchup (30 seconds)')).toBe(true);
  const { info } = await installation.client.schedule.getHandle(pipeline).describe();
  expect(missed).toHaveLength(info.numActionsMissedCatchupWindow);
  expect(told.filter(({ fate }) => fate === 'skipped')).toHaveLength(info.numActionsSkippedOverlap);
  expect(told.filter(({ fate }) => fate === 'ran')).toHaveLength(info.numActionsTaken);
  // Every instant up to the last run has its rows in the target: runs read from the checkpoint.
  const last = told.findLast(({ fate }) => fate === 'ran')!.at;
  expect(told.filter(({ at, data }) => at <= last && data === null)).toEqual([]);
  expect(await loaded(pipeline)).toBe(3002);
}, 300_000);
