import { once } from 'node:events';
import type { WorkflowHandle } from '@temporalio/client';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation } from '../support/worker';

/** A big publish of `visible: run` into a filled table that is being read (semantics 17). `MILLRACE_LONG_ROWS` for fewer than 20 million rows. */
const rows = Number(process.env['MILLRACE_LONG_ROWS'] ?? 20_000_000);
const patience = 3000;
let source: TestDatabase;
let database: TestDatabase;
let place: Installation;
beforeAll(async () => {
  source = await createDatabase();
  database = await createDatabase();
  await source.run('CREATE TABLE big (id bigint PRIMARY KEY, version int NOT NULL, filler text NOT NULL, at timestamptz NOT NULL)');
  await source.run(`INSERT INTO big SELECT n, 1, md5(n::text), '2026-01-01' FROM generate_series(1, ${rows}) n`);
  place = await install(`shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${database.url}" }\n`);
});
afterAll(async () => {
  await place.close();
  await source.drop();
  await database.drop();
});

const yaml = (write: string) => `pipeline: big_${write}\nsource: shop\ndestination: db\nstreams:\n  - { stream: big, to: big_${write}, settle: 30 seconds, mode: full, write: ${write}, key: id, cursor: at }\n`;
const now = async (write: string) => database.row(`SELECT count(*)::text AS n, min(version)::text AS lowest, max(version)::text AS highest FROM big_${write}`);
const allOf = (version: number) => ({ n: String(rows), lowest: String(version), highest: String(version) });
const renew = (version: number) => source.run(`UPDATE big SET version = ${version}, at = at + interval '1 day'`);

/** Sessions that write in the destination's publish. */
const publishing = () => database.rows(`SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'millrace' AND state <> 'idle' AND EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = pg_stat_activity.pid AND l.mode = 'ShareRowExclusiveLock')`);
const published = async () => (await publishing()).length > 0;

async function beatOf(handle: WorkflowHandle): Promise<string | null> {
  const { raw } = await place.client.workflow.getHandle(`${handle.workflowId}/big`).describe();
  const beat = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'publishStream')?.lastHeartbeatTime;
  return beat ? `${String(beat.seconds)}.${String(beat.nanos)}` : null;
}

/** Reads on until told to stop; gives every different answer. */
function startReading(write: string): { stop(): Promise<readonly object[]> } {
  let going = true;
  const seen = new Set<string>();
  const reading = (async () => {
    while (going) seen.add(JSON.stringify(await now(write)));
  })();
  return { async stop() { going = false; await reading; return [...seen].map((text) => JSON.parse(text) as object); } };
}

test.each(['merge', 'replace'])('%s: heartbeats go on, readers see the old rows or the new ones, a kill repeats it, a cancel leaves all as it was', async (write) => {
  await source.run(`UPDATE big SET version = 1 WHERE version <> 1`);
  const first = await place.startWorker();
  expect((await place.run(yaml(write))).totals).toMatchObject({ read: rows, loaded: rows });
  first.kill('SIGTERM');
  await once(first, 'exit');

  await renew(2);
  const killed = await place.startWorker('publish:before-commit');
  const gone = once(killed, 'exit');
  const handle = await place.start(yaml(write));
  const end = summaryOf(handle);
  await eventually(published, 'the publish to begin', patience);
  const readers = startReading(write);
  const beats = new Set<string>();
  // A publish so quick that it ends between two beats has nothing to show.
  await Promise.race([gone, eventually(async () => {
    const beat = await beatOf(handle);
    if (beat) beats.add(beat);
    return beats.size >= 3;
  }, 'heartbeats during the publish', patience)]);
  expect((await gone)[1]).toBe('SIGKILL');
  expect(await now(write)).toEqual(allOf(1));
  await place.startWorker();
  expect(await end).toMatchObject({ state: 'succeeded', totals: { read: rows, loaded: rows, rejected: 0 } });
  const seen = await readers.stop();
  if (rows >= 1_000_000) expect(beats.size).toBeGreaterThanOrEqual(2);
  for (const answer of seen) expect([allOf(1), allOf(2)]).toContainEqual(answer);
  expect(await now(write)).toEqual(allOf(2));

  await renew(3);
  const cancelled = await place.start(yaml(write));
  await eventually(published, 'the publish to begin', patience);
  await cancelled.signal('cancel');
  await expect(cancelled.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  await eventually(async () => !(await published()), 'the session of the publish to end', patience);
  expect(await now(write)).toEqual(allOf(2));
});
