import { killPoints, type KillPoint } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, summaryOf, type Installation } from '../support/worker';

/** Workers are killed (-9) one after another, one at every named point; rows and ledger must be exactly right. */
let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.run('CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2) NOT NULL, note text, at timestamptz NOT NULL)');
  await database.run(`INSERT INTO orders SELECT n, n * 1.01, CASE WHEN n % 7 = 0 THEN NULL WHEN n % 11 = 0 THEN '' ELSE 'note ' || n END, timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, 3000) n`);
  await database.run('ANALYZE orders');
});
afterAll(() => database.drop());

const pipelineOf = (name: string, destination: string, words: string): string =>
  `pipeline: ${name}\nsource: db\ndestination: ${destination}\nstreams:\n  - stream: orders\n    to: ${name}\n    partition: { rows: 1000 }\n    ${words}\n`;

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

const connections = (): string => `db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: out.duckdb }\nlake: { connector: files, path: lake }\n`;
const sums = (table: string): string => `SELECT count(*)::text AS n, sum(id)::text AS ids, sum(total)::text AS total, count(note)::text AS notes, count(*) FILTER (WHERE note = '')::text AS empty FROM ${table}`;

const cases: readonly (readonly [name: string, destination: string, words: string])[] = [
  ['append', 'db', 'mode: incremental\n    cursor: at\n    write: append\n    visible: run'],
  ['append_batch', 'db', 'mode: incremental\n    cursor: at\n    write: append\n    visible: batch'],
  ['replace', 'db', 'mode: full\n    write: replace'],
  ['replace_staged', 'db', 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id > 0" } }]'],
  ['merge', 'db', 'mode: incremental\n    cursor: at\n    write: merge\n    key: [id]'],
  ['delete_insert', 'db', 'mode: incremental\n    cursor: at\n    write: delete_insert\n    by: window'],
  ['duck', 'duck', 'mode: incremental\n    cursor: at\n    write: merge\n    key: [id]'],
  ['lake', 'lake', 'mode: full\n    write: replace'],
];

/** Rows of another destination, brought back through Millrace into Postgres, where they can be compared. */
const backOf: Readonly<Record<string, string>> = {
  duck: 'pipeline: back_duck\nsource: duck\ndestination: db\nstreams:\n  - stream: duck\n    to: back_duck\n    mode: full\n    write: replace\n',
  lake: 'pipeline: back_lake\nsource: lake\ndestination: db\nstreams:\n  - stream: "lake/run=*/*.parquet"\n    to: back_lake\n    mode: full\n    write: replace\n    naming: keep\n    steps: [{ select: { columns: [id, total, note, at] } }]\n',
};

test.concurrent.each(cases)('ends with exactly the right rows by %s, wherever the worker dies', async (name, destination, words) => {
  const place = await install(connections());
  try {
    const { summary, missed } = await runThroughKills(place, pipelineOf(name, destination, words));
    expect(missed).toBeNull();
    expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000, rejected: 0 } });
    const back = backOf[destination];
    if (back) expect((await place.run(back)).totals).toMatchObject({ read: 3000, loaded: 3000 });
    expect(await database.row(sums(back ? `back_${destination}` : name))).toEqual(await database.row(sums('orders')));
    if (destination === 'db') {
      const ledger = await database.row('SELECT count(*)::text AS n, sum(rows)::text AS rows, string_agg(DISTINCT state, \',\') AS states FROM _millrace_loads WHERE pipeline = $1', [name]);
      expect(ledger).toEqual({ n: '3', rows: '3000', states: 'published' });
      expect(await database.rows(`SELECT 1 FROM pg_class c JOIN _millrace_checkpoints k ON c.relname LIKE '\\_millrace\\_s\\_%' AND k.pipeline = $1 WHERE k.fence = 0`, [name])).toEqual([]);
    }
  } finally {
    await place.close();
  }
}, 300_000);
