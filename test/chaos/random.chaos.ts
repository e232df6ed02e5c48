import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import type { WorkflowHandle } from '@temporalio/client';
import { killPoints } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import { cases, connections, createOrders, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startOwnPostgres, startOwnTemporal, type Ending, type OwnServer } from '../support/servers';
import { install, killNow, summaryOf, type Installation, type KillAt } from '../support/worker';

/** `npm run test:chaos -- --kills N --seed S`: random harm to random runs; the same seed makes the same choices, though not the same instants. */
const kills = Number(process.env['MILLRACE_CHAOS_KILLS'] ?? 40);
const seed = Number(process.env['MILLRACE_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const tell = (line: string): void => { process.stderr.write(`${line}\n`); };

let state = seed;
/** mulberry32: 0 ≤ x < 1. */
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
const upTo = (most: number): number => Math.floor(random() * most);
const pick = <Item>(items: readonly Item[]): Item => items[upTo(items.length)]!;

let folder: string;
let postgres: OwnServer;
let temporal: OwnServer;
let source: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  tell(`chaos: ${kills} kills, seed ${seed}`);
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-chaos-'));
  chmodSync(folder, 0o755);
  postgres = await startOwnPostgres(path.join(folder, 'postgres'));
  // So low that a stream of many partitions continues as new now and then.
  temporal = await startOwnTemporal(path.join(folder, 'temporal'), ['limit.historyCount.suggestContinueAsNew=80']);
  source = await createDatabase(postgres.at);
  database = await createDatabase(postgres.at);
  await createOrders(source);
}, 120_000);
afterAll(async () => {
  await Promise.all([source.close(), database.close()]);
  await temporal.end('stopped');
  await postgres.end('stopped');
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

/** What a run does to itself while it is watched: the worker at hand, and whether the run has ended. */
interface Scene {
  readonly place: Installation;
  readonly over: Promise<unknown>;
  worker: ChildProcess;
}
type Harm = (scene: Scene) => Promise<string>;

const killedAtPoint: Harm = async (scene) => {
  await killNow(scene.worker);
  const point = pick(killPoints);
  // Only partitions are several.
  const at: KillAt = `${point}#${/^(extract|transform|load):/.test(point) ? 1 + upTo(3) : 1}`;
  scene.worker = await scene.place.startWorker(at);
  const gone = new Promise<boolean>((resolve) => scene.worker.once('exit', () => resolve(true)));
  const reached = await Promise.race([gone, scene.over.then(() => false), sleep(8000).then(() => false)]);
  // Where the point lies behind the run, it dies all the same: else it might later, with nobody to go on.
  if (!reached) await killNow(scene.worker);
  scene.worker = await scene.place.startWorker();
  return `worker killed at ${at}${reached ? '' : ' (not reached)'}`;
};
const killedInBetween: Harm = async (scene) => {
  const wait = upTo(2500);
  await sleep(wait);
  await killNow(scene.worker);
  scene.worker = await scene.place.startWorker();
  return `worker killed after ${wait} ms`;
};
const asleep: Harm = async (scene) => {
  const [wait, nap] = [upTo(1500), 500 + upTo(4000)];
  await sleep(wait);
  scene.worker.kill('SIGSTOP');
  const other = await scene.place.startWorker();
  await sleep(nap);
  scene.worker.kill('SIGCONT');
  await killNow(other);
  return `worker asleep for ${nap} ms after ${wait} ms, another one killed`;
};
const restarted = (name: string, serverOf: () => OwnServer): Harm => async () => {
  const [wait, how, off] = [upTo(2000), pick<Ending>(['killed', 'stopped']), upTo(3000)];
  await sleep(wait);
  await serverOf().end(how);
  await sleep(off);
  await serverOf().begin();
  return `${name} ${how} after ${wait} ms for ${off} ms`;
};
const harms: readonly Harm[] = [killedAtPoint, killedAtPoint, killedAtPoint, killedInBetween, killedInBetween, asleep, restarted('Postgres', () => postgres), restarted('Temporal', () => temporal)];

/** The client gives up while the server is away; the run does not. */
async function outcomeOf(handle: WorkflowHandle): Promise<RunSummary> {
  for (;;) {
    try {
      return await summaryOf(handle);
    } catch (error) {
      if ((error as Error).name === 'WorkflowFailedError') throw error;
      await sleep(500);
    }
  }
}

async function oneRun(number: number, most: number): Promise<number> {
  const [word, destination, words] = pick(cases);
  const table = `${word}_${number}`;
  const rows = pick([1000, 300, 100]);
  const wanted = Math.min(most, 1 + upTo(5));
  const place = await install(connections(source, database), { address: temporal.at });
  try {
    const scene: Scene = { place, worker: await place.startWorker(), over: Promise.resolve() };
    const handle = await place.start(pipelineOf(table, destination, words).replace('rows: 1000', `rows: ${rows}`));
    let over = false;
    const end = outcomeOf(handle).finally(() => { over = true; });
    Object.assign(scene, { over: end.catch(() => undefined) });
    let done = 0;
    for (; done < wanted && !over; done += 1) tell(`chaos: run ${number} (${word}, partitions of ${rows} rows): ${await pick(harms)(scene)}`);
    expect(await end).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000, rejected: 0 } });
    const before = [source, database];
    [source, database] = [await source.again(), await database.again()];
    await Promise.all(before.map((connection) => connection.close()));
    await expectExact(place, source, database, table, destination);
    return done;
  } finally {
    await place.close();
  }
}

test(`${kills} random kills, restarts and naps leave exact rows each time (seed ${seed})`, async () => {
  let left = kills;
  for (let number = 1; left > 0; number += 1) left -= await oneRun(number, left);
}, 60_000 + kills * 60_000);
