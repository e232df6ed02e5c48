import { once } from 'node:events';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { connections, createOrders, pipelineOf, sums } from '../support/orders';
import { createBucket, s3Server } from '../support/s3';
import { install, summaryOf } from '../support/worker';

/** Two machines, which share nothing but Temporal, the databases and a bucket. */
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

test('a run whose worker dies goes on on another machine, with what lies staged on S3', async () => {
  const { bucket, endpoint } = await createBucket();
  const { accessKeyId, secretAccessKey } = s3Server();
  const variables = {
    MILLRACE_STAGING: `s3://${bucket}/staging?endpoint=${encodeURIComponent(endpoint!)}`, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const here = await install(connections(source, database), { variables });
  const there = await install(connections(source, database), { variables, taskQueue: here.taskQueue });
  try {
    const worker = await here.startWorker('transform:after-batch#2');
    const gone = once(worker, 'exit');
    const handle = await here.start(pipelineOf('shared', 'db', 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id > 0" } }]'));
    expect((await gone)[1]).toBe('SIGKILL');
    await there.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000, rejected: 0 } });
    expect(await database.row(sums('shared'))).toEqual(await source.row(sums('orders')));
  } finally {
    await here.close();
    await there.close();
  }
}, 240_000);
