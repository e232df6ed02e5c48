// Records histories of real runs into test/histories, where a test replays them against the workflows of today. Run it again when
// workflows have changed: `node scripts/record-histories.mjs`. Before the first release that is always right; after it a change of a
// workflow needs patched(), and the histories of released versions stay. With names of scenes it records those alone.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, installDependencies, root } from './setup.mjs';

installDependencies();
build();
const require = createRequire(import.meta.url);
const { Client: Database } = require('pg');
const { Client, Connection } = require('@temporalio/client');
const { historyToJSON } = require('@temporalio/common/lib/proto-utils');
const { startPostgres } = require('../lib/dev/postgres.js');
const { startTemporal } = require('../lib/dev/temporal.js');
const { parsePipeline } = require('../lib/config/load-pipeline.js');

const home = mkdtempSync(path.join(tmpdir(), 'millrace-histories-'));
chmodSync(home, 0o755);
const log = (line) => console.error(line);
const postgres = await startPostgres({ folder: path.join(home, 'postgres'), port: 0, log });
// So low that the stream of many partitions continues as new.
const temporal = await startTemporal({ folder: path.join(home, 'temporal'), port: 0, uiPort: 0, tools: path.join(root, '.millrace/tools'), dynamicConfig: ['limit.historyCount.suggestContinueAsNew=80'], log });
const database = new Database({ connectionString: postgres.url });
await database.connect();
await database.query('CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2), at timestamptz)');
await database.query(`INSERT INTO orders SELECT n, n * 1.01, timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, 300) n`);
await database.query('ANALYZE orders');
const connectionsFile = path.join(home, 'connections.yaml');
writeFileSync(connectionsFile, `shop: { connector: postgres, url: "${postgres.url}" }\nlake: { connector: files, path: lake }\n`);
const connection = await Connection.connect({ address: temporal.address });
const client = new Client({ connection });

async function startWorker() {
  const child = spawn(process.execPath, [path.join(root, 'lib/worker.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '16', TEMPORAL_ADDRESS: temporal.address, MILLRACE_HOME: home, MILLRACE_TASK_QUEUE: 'millrace', MILLRACE_HEARTBEAT_TIMEOUT: '3s' },
  });
  await new Promise((resolve) => child.stdout.on('data', (text) => { if (String(text).includes('"ready":true')) resolve(); }));
  return child;
}
async function until(ask, what) {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
    if (await ask().catch(() => false)) return;
  }
  throw new Error(`waited in vain for ${what}`);
}

let days = 0;
const yamlOf = (name, streams, more = '') => `pipeline: ${name}\nsource: shop\ndestination: lake\nstreams:\n${streams.map((words) => `  - ${words.replace('to: orders', `to: ${name}`)}\n`).join('')}${more}`;
const orders = (rows, words = '') => `{ stream: orders, to: orders, mode: full, write: replace, partition: { rows: ${rows} }${words} }`;
function start(yaml, more = {}) {
  const spec = parsePipeline(yaml, 'recorded.yaml');
  const logicalDate = new Date(Date.UTC(2026, 0, 1 + days++)).toISOString().replace('.000Z', 'Z');
  return client.workflow.start('runPipeline', { taskQueue: 'millrace', workflowId: `${spec.pipeline}/run-${logicalDate}`, args: [{ spec, logicalDate, connectionsFile, whenHeld: 'refuse', allowDestructive: false, ...more }] });
}
const childOf = (handle, stream = 'orders') => client.workflow.getHandle(`${handle.workflowId}/${stream}`);
const stateOf = async (handle) => (await childOf(handle).query('streamProgress')).state;
const end = (handle) => handle.result().catch(() => undefined);

/** Each gives the workflows whose histories it made. */
const scenes = {
  async finished() {
    const handle = await start(yamlOf('finished', [orders(100), '{ stream: report, query: "SELECT id FROM orders", to: report, mode: full, write: replace, steps: [{ join: { stream: orders, on: { id: id }, columns: [total] } }] }']));
    await end(handle);
    return [handle, childOf(handle), childOf(handle, 'report'), client.workflow.getHandle('finished')];
  },
  async paused() {
    const handle = await start(yamlOf('paused', [orders(3)]));
    await until(async () => (await stateOf(handle)) === 'running', 'the stream to run');
    await handle.signal('pause');
    await until(async () => (await stateOf(handle)) === 'paused', 'the stream to pause');
    const queued = await start(yamlOf('paused', [orders(100)]), { whenHeld: 'queue' });
    await sleep(1000);
    await handle.signal('resume');
    await end(handle);
    await end(queued);
    return [handle, childOf(handle), queued];
  },
  async held() {
    const handle = await start(yamlOf('held', [orders(100).replace('stream: orders', 'stream: later')]));
    await until(async () => (await childOf(handle, 'later').query('streamProgress')).state === 'held', 'the stream to be held');
    await database.query('CREATE TABLE later AS SELECT * FROM orders');
    await handle.signal('resume');
    await end(handle);
    return [handle, childOf(handle, 'later')];
  },
  async steered() {
    const handle = await start(yamlOf('steered', [orders(30), '{ stream: soon, to: soon, mode: full, write: replace }']));
    await until(async () => (await childOf(handle, 'soon').query('streamProgress')).state === 'held', 'the stream to be held');
    await handle.executeUpdate('setConcurrency', { args: [{ concurrency: 1 }] });
    await handle.signal('pause');
    await database.query('CREATE TABLE soon AS SELECT * FROM orders');
    await handle.signal('resume');
    await handle.executeUpdate('retryPartition', { args: [{ stream: 'soon' }] }).catch(() => undefined);
    await end(handle);
    return [handle, childOf(handle), childOf(handle, 'soon')];
  },
  async backfilled() {
    const spec = parsePipeline(yamlOf('backfilled', ['{ stream: orders, to: days, mode: incremental, cursor: at, write: merge, key: [id] }'], '').replace('destination: lake', 'destination: shop'), 'recorded.yaml');
    const windows = [['2026-01-01T00:00:00Z', '2026-01-01T00:03:00Z'], ['2026-01-01T00:03:00Z', '2026-01-02T00:00:00Z']].map(([from, to]) => ({ from, to }));
    const handle = await client.workflow.start('backfillPipeline', { taskQueue: 'millrace', workflowId: 'backfilled/backfill', args: [{ spec, connectionsFile, windows }] });
    await end(handle);
    return [handle];
  },
  async replayed() {
    const rejecting = '{ stream: orders, query: "SELECT id, CASE WHEN id % 10 = 0 THEN \'none\' ELSE \'1\' END AS t FROM orders", to: replayed, mode: full, write: append, snapshot: true, steps: [{ cast: { columns: { t: BIGINT } } }] }';
    const yaml = yamlOf('replayed', [rejecting]);
    const handle = await start(yaml);
    await end(handle);
    const logicalDate = handle.workflowId.split('/run-')[1];
    const replay = await client.workflow.start('runPipeline', { taskQueue: 'millrace', workflowId: `${handle.workflowId}/replay-1`, args: [{ spec: parsePipeline(yaml, 'recorded.yaml'), logicalDate, connectionsFile, whenHeld: 'queue', allowDestructive: false,
      replay: { of: `replayed/run-${logicalDate.replace(/[-:]/g, '')}`, number: 1, selection: { from: null, reason: null, step: null, column: null } } }] });
    await end(replay);
    return [replay, childOf(replay)];
  },
  async failed() {
    const handle = await start(yamlOf('failed', [orders(100).replace('stream: orders', 'stream: missing')], 'on_failure: fail\n'));
    await end(handle);
    return [handle, childOf(handle, 'missing')];
  },
  async cancelled() {
    const handle = await start(yamlOf('cancelled', [orders(3)]));
    await until(async () => (await stateOf(handle)) === 'running', 'the stream to run');
    await handle.signal('cancel');
    await end(handle);
    return [handle, childOf(handle), client.workflow.getHandle(`${handle.workflowId}/cancel`)];
  },
  async worker_killed() {
    const handle = await start(yamlOf('worker_killed', [orders(30)]));
    await until(async () => (await childOf(handle).query('streamProgress')).partitions.done > 0, 'the first partition');
    worker.kill('SIGKILL');
    worker = await startWorker();
    await end(handle);
    return [handle, childOf(handle)];
  },
  async continued() {
    const handle = await start(yamlOf('continued', [orders(10)]));
    await end(handle);
    const child = childOf(handle).workflowId;
    const found = [];
    await until(async () => {
      found.length = 0;
      for await (const one of client.workflow.list({ query: `WorkflowId = '${child}'` })) found.push(client.workflow.getHandle(child, one.runId));
      return found.length > 1;
    }, 'several executions');
    return [handle, ...found.slice(-2)];
  },
};

/** Nothing of this machine or of secrets goes into the repository: paths, ports, host and process names, also inside payloads. */
const replacements = [[root, '/app'], [home, '/home/millrace'], [postgres.url, 'postgres://db/shop'], [temporal.address, '127.0.0.1:7233'], [`127.0.0.1:${postgres.port}`, '127.0.0.1:5432'], [hostname(), 'host']];
const cleaned = (text) => replacements.reduce((so, [from, to]) => so.replaceAll(from, to), text);
function scrub(value, key = '') {
  if (Array.isArray(value)) return value.map((item) => scrub(item));
  if (typeof value === 'object' && value !== null) {
    if (typeof value.data === 'string' && value.metadata) return { ...value, data: Buffer.from(cleaned(Buffer.from(value.data, 'base64').toString('utf8'))).toString('base64') };
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scrub(item, name)]));
  }
  if (key === 'identity') return 'worker';
  return typeof value === 'string' ? cleaned(value) : value;
}

const folder = path.join(root, 'test/histories');
mkdirSync(folder, { recursive: true });
const wanted = process.argv.slice(2);
const isWanted = (scene) => wanted.length === 0 || wanted.includes(scene);
for (const name of readdirSync(folder).filter((file) => file.endsWith('.json') && isWanted(file.split('-')[0]))) rmSync(path.join(folder, name));
let worker = await startWorker();
try {
  for (const [scene, play] of Object.entries(scenes).filter(([name]) => isWanted(name))) {
    const handles = await play();
    for (const [index, handle] of handles.entries()) {
      const history = JSON.parse(historyToJSON(await handle.fetchHistory()));
      const type = history.events[0].workflowExecutionStartedEventAttributes.workflowType.name;
      const file = `${scene}-${index}-${type}.json`;
      const text = `${JSON.stringify({ workflowId: handle.workflowId, history: scrub(history) })}\n`;
      writeFileSync(path.join(folder, file), text);
      console.log(`${file}: ${history.events.length} events, ${Math.round(text.length / 1024)} KB`);
    }
  }
} finally {
  worker.kill('SIGTERM');
  await database.end();
  await connection.close();
  await temporal.stop();
  await postgres.stop();
  rmSync(home, { recursive: true, force: true });
}
process.exit(0);
