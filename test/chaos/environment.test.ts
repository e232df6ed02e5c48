import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { freePort } from '../../src/dev/process';
import type { StreamProgress } from '../../src/workflows/messages';
import { connections, createOrders, expectExact, pipelineOf, sums, wordsOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, summaryOf, type Installation, type PlaceOptions } from '../support/worker';

/** What surrounds a run fails: it goes on by itself when it can, or waits for a person with a clear sentence; no row is lost either way. */
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

const childOf = (place: Installation, handle: WorkflowHandle, stream = 'orders'): WorkflowHandle => place.client.workflow.getHandle(`${handle.workflowId}/${stream}`);

/** What the newest attempt of some activity of the stream failed with, while it is being tried again. */
const triedAgain = (place: Installation, handle: WorkflowHandle, said: RegExp): Promise<string> => eventually(async () => {
  const { raw } = await childOf(place, handle).describe().catch(() => ({ raw: null }));
  return raw?.pendingActivities?.map(({ lastFailure }) => lastFailure?.message ?? '').find((message) => said.test(message));
}, `an attempt to fail with ${said}`, 60);

/** What a person is told of a stream that waits. */
const heldWith = (place: Installation, handle: WorkflowHandle, stream?: string): Promise<string> => eventually(async () => {
  const now = await childOf(place, handle, stream).query<StreamProgress>('streamProgress').catch(() => null);
  return now?.state === 'held' && now.message;
}, 'the stream to be held', 60);

/** Room that ends and can be given back: a small file system where root may mount one, else the failure that a full one gives. */
interface Disk {
  readonly options: PlaceOptions;
  enlarge(): void;
  remove(): void;
}
function smallDisk(): Disk {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-small-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0) {
    return { options: { home: folder }, enlarge: () => void execFileSync('mount', ['-o', 'remount,size=64m', folder]), remove: () => { execFileSync('umount', ['-l', folder]); remove(); } };
  }
  const full = path.join(folder, 'full');
  writeFileSync(full, '');
  const put = `if (require('node:fs').existsSync(${JSON.stringify(full)})) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' }); const files = await source.read(`;
  return { options: { patches: [{ file: 'activities/extract-partition.js', find: 'const files = await source.read(', put }] }, enlarge: () => rmSync(full), remove };
}

test('a full disk holds the run, which says so and goes on once a person has made room', async () => {
  const disk = smallDisk();
  const place = await install(connections(source, database), disk.options);
  try {
    await place.startWorker();
    const handle = await place.start(pipelineOf('full_disk', 'db', wordsOf('replace_staged')));
    expect(await heldWith(place, handle)).toContain('the disk is full; free space or move MILLRACE_HOME, then "millrace resume RUN"');
    disk.enlarge();
    await handle.signal('resume');
    expect((await summaryOf(handle)).state).toBe('succeeded');
    await expectExact(place, source, database, 'full_disk', 'db');
  } finally {
    await place.close();
    disk.remove();
  }
}, 120_000);

test('a connection that is dropped in the middle of reading and of writing costs nothing', async () => {
  await database.run('CREATE TABLE dropped (id bigint, total numeric(12,2), note text, at timestamptz, _millrace_batch_id bigint)');
  await database.run(`CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.002); RETURN new; END'`);
  await database.run('CREATE TRIGGER slowly BEFORE INSERT ON dropped FOR EACH ROW EXECUTE FUNCTION slowly()');
  await source.run('CREATE VIEW slow_orders AS SELECT o.* FROM orders o, LATERAL (SELECT pg_sleep(0.001 + o.id * 0) AS s) p WHERE p.s IS NOT NULL');
  const place = await install(connections(source, database));
  const drop = (at: TestDatabase, query: string) => eventually(async () =>
    Number((await at.row(`SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::text AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE $1`, [query]))['n']) > 0, `a "${query}" to be there`, 60);
  try {
    await place.startWorker();
    const handle = await place.start(pipelineOf('dropped', 'db', 'mode: full\n    write: append\n    snapshot: true\n    visible: batch').replace('stream: orders', 'stream: slow_orders'));
    await drop(source, 'COPY (SELECT%TO STDOUT%');
    await drop(database, 'COPY%FROM STDIN%');
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000 } });
    expect(await database.row(sums('dropped'))).toEqual(await source.row(sums('orders')));
  } finally {
    await place.close();
  }
}, 120_000);

test('a source that cannot be reached is named and asked again until it answers', async () => {
  const real = new URL(source.url);
  const port = await freePort();
  const away = new URL(source.url);
  away.port = String(port);
  const place = await install(connections(source, database).replace(source.url, away.href));
  let proxy: Server | null = null;
  try {
    await place.startWorker();
    const handle = await place.start(pipelineOf('unreachable', 'db', wordsOf('replace')));
    expect(await triedAgain(place, handle, /ECONNREFUSED/)).toContain(`connecting at source Postgres "127.0.0.1:${port}${real.pathname}"`);
    proxy = createServer((client) => { const server = connect(Number(real.port), real.hostname); client.pipe(server).pipe(client); client.on('error', () => server.destroy()); server.on('error', () => client.destroy()); });
    await once(proxy.listen(port, '127.0.0.1'), 'listening');
    expect((await summaryOf(handle)).state).toBe('succeeded');
    await expectExact(place, source, database, 'unreachable', 'db');
  } finally {
    await place.close();
    proxy?.close();
  }
}, 120_000);

test('a file that changes, shrinks or vanishes between plan and reading is noticed, and read once it is back', async () => {
  const harms: Readonly<Record<string, (file: string) => void>> = {
    changes: (file) => writeFileSync(file, 'id,name\n1,other\n2,others\n3,three\n4,four\n'),
    shrinks: (file) => truncateSync(file, 10),
    vanishes: (file) => rmSync(file),
  };
  const place = await install(`in: { connector: files, path: in }\ndb: { connector: postgres, url: "${database.url}" }\n`);
  mkdirSync(path.join(place.home, 'in'));
  try {
    const worker = await place.startWorker('plan:after-plan#3');
    const gone = once(worker, 'exit');
    const files = Object.keys(harms).map((name) => path.join(place.home, 'in', `${name}.csv`));
    for (const file of files) writeFileSync(file, 'id,name\n1,one\n2,two\n3,three\n');
    const times = files.map((file) => statSync(file, { bigint: true }).mtimeNs);
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    const handles = await Promise.all(Object.keys(harms).map((name) => place.start(`pipeline: file_${name}\nsource: in\ndestination: db\nstreams:\n  - { stream: ${name}.csv, to: file_${name}, mode: full, write: replace }\n`)));
    await gone;
    Object.values(harms).forEach((harm, index) => harm(files[index]!));
    await place.startWorker();
    const said = await Promise.all(handles.map((handle, index) => heldWith(place, handle, `${Object.keys(harms)[index]}_csv`)));
    expect(said[0]).toMatch(/has changed/);
    expect(said[1]).toMatch(/shrunk/);
    expect(said[2]).toMatch(/vanished/);
    files.forEach((file, index) => {
      writeFileSync(file, texts[index]!);
      execFileSync('touch', ['-d', new Date(Number(times[index]! / 1_000_000n)).toISOString().replace(/\.\d+Z/, `.${String(times[index]! % 1_000_000_000n).padStart(9, '0')}Z`), file]);
    });
    await Promise.all(handles.map((handle) => handle.signal('resume')));
    for (const handle of handles) expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3, loaded: 3 } });
  } finally {
    await place.close();
  }
}, 120_000);
