import { once } from 'node:events';
import { readCatalog, startCatalog, type Catalog, type Read } from '../support/glue';
import { createLake, type Lake } from '../support/lake';
import { install, summaryOf } from '../support/worker';

/** The catalog while workers die and answers are lost. */
let catalog: Catalog;
let lake: Lake;
beforeAll(async () => {
  catalog = await startCatalog();
  lake = await createLake(`, catalog: { type: glue, database: lake, endpoint: "${catalog.url}" }`);
  await lake.place.startWorker();
});
afterAll(async () => {
  await lake.close();
  await catalog.close();
});

const read = (table: string): Promise<Read> => readCatalog(catalog, lake.settings, 'lake', table);
const sums = 'SELECT month, count(*)::VARCHAR AS n, sum(id)::VARCHAR AS ids, sum(amount)::VARCHAR AS amount FROM t GROUP BY 1 ORDER BY 1';
const expectSame = async (table: string): Promise<void> =>
  expect(await (await read(table)).rows(sums)).toEqual(await lake.source.rows(`SELECT month, count(*)::text AS n, sum(id)::text AS ids, sum(amount)::text AS amount FROM ${table} GROUP BY 1 ORDER BY 1`));

test('a replacing run is switched to after its head: a worker that dies between the two leaves the old table whole, and the next attempt switches', async () => {
  await lake.grow('replaced');
  const text = lake.yaml('bucket', 'replaced', 'mode: full, write: replace').replace('target: { partition_by: [month] }, ', '');
  expect((await lake.place.run(text)).totals).toMatchObject({ loaded: 300 });
  const before = await read('replaced');
  await lake.grow('replaced');
  const other = await install(lake.connections);
  try {
    const worker = await other.startWorker('publish:after-commit');
    const gone = once(worker, 'exit');
    const handle = await other.start(text);
    expect((await gone)[1]).toBe('SIGKILL');
    expect(await before.rows('SELECT count(*)::VARCHAR AS n FROM t')).toEqual([{ n: '300' }]);
    // The reply to the switch is lost: the next attempt finds it done.
    await catalog.fault({ operation: 'UpdateTable', kind: 'lost' });
    await other.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded' });
  } finally {
    await other.close();
  }
  const after = await read('replaced');
  expect(after.table.StorageDescriptor!.Location).not.toBe(before.table.StorageDescriptor!.Location);
  await expectSame('replaced');
}, 120_000);

test('small files that were merged stay until the catalog names the merged one', async () => {
  await lake.grow('merged');
  const text = lake.yaml('bucket', 'merged');
  await lake.place.run(text);
  const before = await read('merged');
  const other = await install(lake.connections);
  try {
    const worker = await other.startWorker('compact:after-commit');
    const gone = once(worker, 'exit');
    const done = lake.compact(text, { where: other });
    expect((await gone)[1]).toBe('SIGKILL');
    expect(await before.rows('SELECT count(*)::VARCHAR AS n FROM t')).toEqual([{ n: '300' }]);
    await other.startWorker();
    await done;
  } finally {
    await other.close();
  }
  expect((await read('merged')).files).toHaveLength(2);
  expect(await lake.filesOf('bucket', 'merged')).toHaveLength(2);
  await expectSame('merged');
}, 180_000);
