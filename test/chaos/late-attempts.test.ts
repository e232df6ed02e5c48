import type { KillPoint } from '../../src/domain/control';
import { cases, connections, createOrders, everything, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { twoAttempts, wakeUpLate } from '../support/late';

/** A machine sleeps in the middle of an activity and wakes up when others have long gone on: it must add nothing and take nothing away. */
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

const points: readonly KillPoint[] = ['extract:after-data', 'load:after-data', 'load:before-commit', 'publish:before-claim-check', 'publish:before-commit'];
const naps = everything
  ? cases.flatMap(([name, destination, words]) => points.map((point) => [point, `${name}_${points.indexOf(point)}`, destination, words] as const))
  : cases.filter(([name]) => name === 'append_batch').map(([name, destination, words]) => ['load:after-data', name, destination, words] as const);

test.concurrent.each(naps)('an attempt that wakes up late at %s leaves the rows of %s exact', async (point, name, destination, words) => {
  const { place, summary, close } = await wakeUpLate(connections(source, database), pipelineOf(name, destination, words), point);
  try {
    expect(summary.state).toBe('succeeded');
    await expectExact(place, source, database, name, destination);
  } finally {
    await close();
  }
}, 400_000);

const pairs = ([
  ['a transform', 'replace_staged', 'activities/transform-batch.js', 'transform:after-data'],
  ['a load into a folder', 'lake', 'connectors/file-destination/load.js', 'load:after-data'],
  ['a load into a bucket', 'bucket', 'connectors/file-destination/load.js', 'load:after-data'],
  ['a load into a table', 'append_batch', 'connectors/postgres/load.js', 'load:after-data'],
] as const).filter(([, name]) => everything || name === 'lake');

test.concurrent.each(pairs)('two attempts of %s side by side give the rows of one (%s)', async (_what, name, file, point) => {
  const [, destination, words] = cases.find(([other]) => other === name)!;
  const table = `twice_${name}`;
  const { place, summary } = await twoAttempts(connections(source, database), pipelineOf(table, destination, words), { file, point });
  try {
    expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000 } });
    await expectExact(place, source, database, table, destination);
  } finally {
    await place.close();
  }
}, 120_000);
