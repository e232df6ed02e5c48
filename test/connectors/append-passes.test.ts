import { eventually } from '../support/temporal';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

let database: TestDatabase;
let place: Installation;
beforeAll(async () => {
  database = await createDatabase();
  place = await install(`db: { connector: postgres, url: "${database.url}" }\n`);
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await database.drop();
});

const yaml = 'pipeline: growing\nsource: db\ndestination: db\nstreams:\n  - { stream: events, to: kept, settle: 30 seconds, write: append, mode: incremental, cursor: at }\n';
const events = (from: number, to: number): string => `INSERT INTO events SELECT n, 'event ' || n, timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(${from}, ${to}) n`;
const seen = async () => {
  const [row] = await database.rows("SELECT seq_tup_read::text AS read, n_tup_ins::text AS inserted FROM pg_stat_user_tables WHERE relname = 'kept'");
  return { read: Number(row!['read']), inserted: Number(row!['inserted']) };
};

test('a few rows more are appended, counted and proven without a pass over the table', async () => {
  await database.run(`CREATE TABLE events (id bigint, said text, at timestamptz); ${events(1, 200_000)}`);
  await place.run(yaml, '2026-02-01T00:00:00Z');
  await database.run('VACUUM ANALYZE kept');
  await eventually(async () => (await seen()).inserted === 200_000, 'figures of the first load');
  const before = await seen();
  await database.run(events(2_000_000, 2_000_100));
  expect((await place.run(yaml, '2026-03-01T00:00:00Z')).totals).toMatchObject({ read: 101, loaded: 101 });
  // A session's figures are told once it has ended: those of the load and of the proof are, when this one's are.
  await eventually(async () => (await seen()).inserted === 200_101, 'figures of the second load');
  expect((await seen()).read - before.read).toBeLessThan(200_000);
});
