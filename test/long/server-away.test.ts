import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lockLedger, waitsForLock } from '../support/locks';
import { connections, createOrders, pipelineOf, sums } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';

/** The server that `millrace dev` keeps is killed while somebody watches a run. */
const folder = mkdtempSync(path.join(tmpdir(), 'away-'));
const home = path.join(folder, '.millrace');
let source: TestDatabase;
let database: TestDatabase;
let dev: ChildProcess;
let said = '';

const millrace = (...argv: readonly string[]): ChildProcess => {
  const { TEMPORAL_ADDRESS: _address, MILLRACE_CONNECTIONS: _connections, ...env } = process.env;
  return spawn(process.execPath, [path.resolve(__dirname, '../../bin/millrace.js'), ...argv], { cwd: folder, env: { ...env, MILLRACE_HOME: home, TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml') }, stdio: ['ignore', 'pipe', 'pipe'] });
};
const told = (child: ChildProcess): { text: string } => {
  const output = { text: '' };
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => { output.text += String(chunk); });
  return output;
};

beforeAll(async () => {
  [source, database] = [await createDatabase(), await createDatabase()];
  await createOrders(source);
  writeFileSync(path.join(folder, 'connections.yaml'), connections(source, database));
  writeFileSync(path.join(folder, 'away.yaml'), pipelineOf('away', 'db', 'mode: full\n    write: merge\n    key: [id]'));
  dev = millrace('dev', '--json');
  dev.stdout!.on('data', (chunk) => { said += String(chunk); });
  dev.stderr!.on('data', (chunk) => { said += String(chunk); });
  await eventually(async () => said.includes('"ready":true'), 'dev is up', 120);
}, 150_000);
afterAll(async () => {
  dev.kill('SIGTERM');
  await once(dev, 'exit');
  await Promise.all([source.drop(), database.drop()]);
  rmSync(folder, { recursive: true, force: true });
});

test('a Temporal server that dies under dev is started again, and a run that is watched goes on and is watched to its end', async () => {
  const [first] = await once(millrace('run', 'away.yaml'), 'exit') as [number];
  expect(first).toBe(0);
  await source.run('UPDATE orders SET total = total + 1');
  const unlock = await lockLedger(database);
  const run = millrace('run', 'away.yaml');
  const output = told(run);
  const ended = once(run, 'exit') as Promise<[number]>;
  await eventually(() => waitsForLock(database), 'the run is at work', 60);
  process.kill((JSON.parse(readFileSync(path.join(home, 'temporal/temporal.json'), 'utf8')) as { pid: number }).pid, 'SIGKILL');
  await eventually(async () => /the Temporal server is up again at .* as process \d+; runs go on/.test(said), 'it is up again', 60);
  await unlock();
  const [code] = await ended;
  expect([code, output.text]).toEqual([0, expect.stringContaining('succeeded')]);
  expect(await database.row(sums('away'))).toEqual(await source.row(sums('orders')));
}, 240_000);
