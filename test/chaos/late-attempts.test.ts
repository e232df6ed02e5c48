import type { KillPoint } from '../../src/domain/control';
import { cases, connections, createOrders, everything, expectExact, pipelineOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { wakeUpLate } from '../support/late';

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
