import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { KillPoint } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import { events, millrace, useInstallation } from '../support/millrace';
import { everything } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, nextDate, summaryOf, type Installation, type Patch } from '../support/worker';

/** Workers are killed (-9) while rows are replayed; each row that was set aside comes in once, whatever dies. */
let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.run('CREATE TABLE orders (id bigint PRIMARY KEY, total text)');
  await database.run(`INSERT INTO orders SELECT n, CASE WHEN n % 10 = 0 THEN n || ' EUR' ELSE n || '.50' END FROM generate_series(1, 100) n`);
  await database.run('ANALYZE orders');
});
afterAll(() => database.drop());

const yamlOf = (name: string, steps: string): string => `pipeline: ${name}\nsource: db\ndestination: db\nstreams:\n  - stream: orders\n    to: ${name}\n    partition: { rows: 40 }\n    mode: full\n    write: append\n    snapshot: true\n    steps: [${steps}]\n`;
const cast = 'cast: { columns: { total: "DECIMAL(12,2)" } }';
const mended = `replace: { columns: [total], pattern: " EUR", with: "" }, ${cast}`.split(', cast').map((step, index) => (index === 0 ? `{ ${step} }` : `{ cast${step} }`)).join(', ');

interface Prepared {
  readonly place: Installation;
  readonly run: string;
  /** Starts a replay through the mended pipeline and returns its id. */
  replay(): Promise<string>;
  close(): Promise<void>;
}

/** A run with ten rows in quarantine, whose worker has ended. */
async function prepare(name: string, patches: readonly Patch[] = []): Promise<Prepared> {
  const place = await install(`db: { connector: postgres, url: "${database.url}" }\n`, { patches });
  const restore = useInstallation(place);
  const worker = await place.startWorker();
  const date = nextDate();
  expect((await place.run(yamlOf(name, `{ ${cast} }`), date)).totals).toMatchObject({ loaded: 90, rejected: 10 });
  const gone = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  await gone;
  const file = path.join(place.home, 'mended.yaml');
  writeFileSync(file, yamlOf(name, mended));
  const run = `${name}/run-${date}`;
  return {
    place, run,
    async replay() {
      const started = await millrace('quarantine', 'replay', run, '--with', file, '--detach', '--json');
      return String(events(started).find(({ event }) => event === 'started')!['run']);
    },
    async close() {
      restore();
      await place.close();
    },
  };
}

const expectExact = async (name: string): Promise<void> =>
  expect(await database.row(`SELECT count(*)::text AS n, count(DISTINCT id)::text AS ids FROM ${name}`)).toEqual({ n: '100', ids: '100' });

/** A worker that dies at that point. */
async function diesAt(place: Installation, point: KillPoint): Promise<void> {
  const worker = await place.startWorker(point);
  place.prepareWorker();
  if (worker.exitCode === null && worker.signalCode === null) await new Promise((resolve) => worker.once('exit', resolve));
  expect(worker.signalCode).toBe('SIGKILL');
}

const points: readonly KillPoint[] = ['plan:after-claim', 'plan:after-plan', 'extract:after-data', 'extract:after-manifest', 'transform:after-batch', 'load:after-data', 'load:after-commit', 'check:after-report', 'publish:before-commit', 'publish:after-commit', 'finish:after-receipt'];

it.each(everything ? [points] : [['load:after-commit', 'publish:before-commit'] as const])('loads each row once, wherever the worker of a replay dies: %s, %s …', async (...dying) => {
  const { place, replay, close } = await prepare('replay_kills');
  try {
    const id = await replay();
    for (const point of dying) await diesAt(place, point);
    await place.startWorker();
    expect(await summaryOf(place.client.workflow.getHandle(id))).toMatchObject({ state: 'succeeded', totals: { read: 10, loaded: 10, rejected: 0 } });
    await expectExact('replay_kills');
  } finally {
    await close();
  }
}, 240_000);

/** A replay publishes, its worker dies before it can note so, and it is ended for good; then the rows are replayed again. */
async function replayAfterEnd(name: string, patches: readonly Patch[] = []): Promise<{ readonly totals: RunSummary['totals']; readonly rows: string; readonly resolution: unknown }> {
  const { place, run, replay, close } = await prepare(name, patches);
  try {
    const first = await replay();
    await diesAt(place, 'publish:after-commit');
    await place.client.workflow.getHandle(first).terminate('given up');
    // The lock goes with the run.
    await eventually(async () => (await place.client.workflow.getHandle(name).describe()).status.name !== 'RUNNING', 'the lock to go');
    const second = await replay();
    expect(second).toBe(`${run}/replay-2`);
    await place.startWorker();
    const { totals } = await summaryOf(place.client.workflow.getHandle(second));
    const [{ runs }] = events(await millrace('quarantine', 'list', run, '--json')) as unknown as [{ runs: { resolution: unknown }[] }];
    return { totals, rows: (await database.row(`SELECT count(*)::text AS n FROM ${name}`))['n']!, resolution: runs[0]!.resolution };
  } finally {
    await close();
  }
}

it('loads no row again that a replay had published before it was ended for good: the ledger knows', async () => {
  const { totals, rows, resolution } = await replayAfterEnd('replay_ended');
  expect(totals).toMatchObject({ read: 0, loaded: 0 });
  expect(resolution).toMatchObject({ rejected: 10, replayed: 10, open: 0 });
  expect(rows).toBe('100');
}, 240_000);

if (everything) it('without its look into the ledger a replay would load them twice', async () => {
  const { rows } = await replayAfterEnd('replay_mutant', [{ file: 'activities/replay/family.js', find: `if (!entries.some(({ state }) => state === 'published'))`, put: 'if (true)' }]);
  expect(rows).toBe('110');
}, 240_000);
