import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connections, createOrders, everything, expectExact, pipelineOf, wordsOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startOwnPostgres, startOwnTemporal, type Ending, type OwnServer } from '../support/servers';
import { halted, install, summaryOf, type KillAt } from '../support/worker';

/** Postgres and the Temporal server go away in the middle of a run and come back: the run goes on by itself. */
let folder: string;
let servers: Record<'Postgres' | 'Temporal', OwnServer>;
let source: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-restarts-'));
  // The account that runs Postgres for root must pass through the folder.
  chmodSync(folder, 0o755);
  const [Postgres, Temporal] = await Promise.all([startOwnPostgres(path.join(folder, 'postgres')), startOwnTemporal(path.join(folder, 'temporal'))]);
  servers = { Postgres, Temporal };
  source = await createDatabase(Postgres.at);
  database = await createDatabase(Postgres.at);
  await createOrders(source);
});
afterAll(async () => {
  await Promise.all([source.close(), database.close()]);
  await Promise.all(Object.values(servers).map((server) => server.end('stopped')));
  rmSync(folder, { recursive: true, force: true });
});

type Restart = readonly [names: readonly (keyof typeof servers)[], how: Ending, word: string, point: KillAt];
const restarts: readonly Restart[] = [
  [['Postgres', 'Temporal'], 'killed', 'append_batch', 'load:before-commit#1#SIGSTOP'],
  [['Postgres', 'Temporal'], 'stopped', 'merge', 'publish:before-commit#1#SIGSTOP'],
  ...(everything ? (['Postgres', 'Temporal'] as const).flatMap((name) => (['killed', 'stopped'] as const).flatMap((how): Restart[] => [
    [[name], how, 'append', 'extract:after-data#1#SIGSTOP'], [[name], how, 'delete_insert', 'load:after-data#1#SIGSTOP'], [[name], how, 'replace', 'publish:before-commit#1#SIGSTOP'],
  ])) : []),
];

test.each(restarts)('%j %s during a run of %s, at %s: it goes on by itself, exact rows', async (names, how, word, point) => {
  const table = `restart_${restarts.findIndex((restart) => restart[0] === names && restart[2] === word && restart[1] === how)}`;
  const place = await install(connections(source, database), { address: servers.Temporal.at });
  try {
    const worker = await place.startWorker(point);
    const handle = await place.start(pipelineOf(table, 'db', wordsOf(word)));
    await halted(worker);
    await Promise.all(names.map((name) => servers[name].end(how)));
    await Promise.all(names.map((name) => servers[name].begin()));
    worker.kill('SIGCONT');
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000 } });
    if (names.includes('Postgres')) [source, database] = await Promise.all([source.again(), database.again()]);
    await expectExact(place, source, database, table, 'db');
  } finally {
    await place.close();
  }
}, 180_000);
