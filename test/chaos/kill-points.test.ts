import { killPoints, type KillPoint } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import { cases, connections, createOrders, everything, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
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

/** Each point once per destination, in two runs: an activity that is killed again and again waits longer each time. */
const halves = [0, 1].map((half) => killPoints.filter((_, index) => index % 2 === half));
/** Where the ways of writing differ. */
const commits: readonly KillPoint[] = ['load:after-commit', 'publish:before-commit'];
/** A bucket differs from a folder only where it is written. */
const writing = killPoints.filter((point) => /^(load|publish):/.test(point) || point === 'plan:after-claim');
const quick: Readonly<Record<string, readonly (readonly KillPoint[])[]>> = { merge: halves, duck: halves, lake: halves, bucket: [writing] };
const kills = cases.flatMap(([name, destination, words]) =>
  (everything ? halves : quick[name] ?? [commits]).map((points, part) => [`${name}_${part}`, destination, words, points] as const));

/** The run goes on with the next worker after each kill; the last worker ends it. `missed`: a point that was never reached. */
async function runThroughKills(place: Installation, yaml: string, points: readonly KillPoint[]): Promise<{ readonly summary: RunSummary; readonly missed: KillPoint | null }> {
  const handle = await place.start(yaml);
  const end = summaryOf(handle);
  for (const point of points) {
    const worker = await place.startWorker(point);
    place.prepareWorker();
    const killed = new Promise<boolean>((resolve) => worker.once('exit', (_code, signal) => resolve(signal === 'SIGKILL')));
    const first = await Promise.race([killed, end.then(() => false)]);
    if (!first) return { summary: await end, missed: point };
  }
  await place.startWorker();
  return { summary: await end, missed: null };
}

test.concurrent.each(kills)('%s into %s ends with exactly the right rows, wherever the worker dies', async (name, destination, words, points) => {
  const place = await install(connections(source, database));
  try {
    const { summary, missed } = await runThroughKills(place, pipelineOf(name, destination, words), points);
    expect(missed).toBeNull();
    expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000, rejected: 0 } });
    await expectExact(place, source, database, name, destination);
    if (destination !== 'db') return;
    expect(await database.row(`SELECT count(*)::text AS n, sum(rows)::text AS rows, string_agg(DISTINCT state, ',') AS states FROM _millrace_loads WHERE pipeline = $1`, [name])).toEqual({ n: '3', rows: '3000', states: 'published' });
    expect(await database.rows(`SELECT 1 FROM pg_class c JOIN _millrace_checkpoints k ON c.relname LIKE '\\_millrace\\_s\\_%' AND k.pipeline = $1 WHERE k.fence = 0`, [name])).toEqual([]);
  } finally {
    await place.close();
  }
}, 600_000);
