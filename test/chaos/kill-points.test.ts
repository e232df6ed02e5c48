import { killPoints, type KillPoint } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { backOf, cases, connections, createOrders, pipelineOf, sums } from '../support/orders';
import { install, summaryOf, type Installation } from '../support/worker';

/** Workers are killed (-9) one after another, one at every named point; rows and ledger must be exactly right. */
let source: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
});
afterAll(async () => {
  await source.drop();
  await database.drop();
});

/** The run goes on with the next worker after each kill; the last worker ends it. `missed`: a point that was never reached. */
async function runThroughKills(place: Installation, yaml: string): Promise<{ readonly summary: RunSummary; readonly missed: KillPoint | null }> {
  const handle = await place.start(yaml);
  const end = summaryOf(handle);
  for (const point of killPoints) {
    const worker = await place.startWorker(point);
    const killed = new Promise<boolean>((resolve) => worker.once('exit', (_code, signal) => resolve(signal === 'SIGKILL')));
    const first = await Promise.race([killed, end.then(() => false)]);
    if (!first) return { summary: await end, missed: point };
  }
  await place.startWorker();
  return { summary: await end, missed: null };
}

test.concurrent.each(cases)('ends with exactly the right rows by %s, wherever the worker dies', async (name, destination, words) => {
  const place = await install(connections(source, database));
  try {
    const { summary, missed } = await runThroughKills(place, pipelineOf(name, destination, words));
    expect(missed).toBeNull();
    expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000, rejected: 0 } });
    const back = backOf[destination];
    if (back) expect((await place.run(back)).totals).toMatchObject({ read: 3000, loaded: 3000 });
    expect(await database.row(sums(back ? `back_${destination}` : name))).toEqual(await source.row(sums('orders')));
    if (destination === 'db') {
      const ledger = await database.row('SELECT count(*)::text AS n, sum(rows)::text AS rows, string_agg(DISTINCT state, \',\') AS states FROM _millrace_loads WHERE pipeline = $1', [name]);
      expect(ledger).toEqual({ n: '3', rows: '3000', states: 'published' });
      expect(await database.rows(`SELECT 1 FROM pg_class c JOIN _millrace_checkpoints k ON c.relname LIKE '\\_millrace\\_s\\_%' AND k.pipeline = $1 WHERE k.fence = 0`, [name])).toEqual([]);
    }
  } finally {
    await place.close();
  }
}, 600_000);
