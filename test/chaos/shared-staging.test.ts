import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import type { CleanReport } from '../../src/activities/clean-contract';
import { events, millrace, useInstallation } from '../support/millrace';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { connections, createOrders, pipelineOf, sums } from '../support/orders';
import { createBucket, s3Client, s3Server } from '../support/s3';
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

test('a pipeline names its staging: a run goes on on a machine with another home, and each home knows of it afterwards', async () => {
  const { bucket, endpoint } = await createBucket();
  const { accessKeyId, secretAccessKey } = s3Server();
  const variables = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const here = await install(connections(source, database), { variables });
  const there = await install(connections(source, database), { variables, taskQueue: here.taskQueue });
  const restore = useInstallation(there);
  try {
    const worker = await here.startWorker('transform:after-batch#2');
    const gone = once(worker, 'exit');
    const yaml = `${pipelineOf('named', 'db', 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id > 0" } }]')}staging: s3://${bucket}/staging?endpoint=${encodeURIComponent(endpoint!)}\n`;
    const handle = await here.start(yaml);
    expect((await gone)[1]).toBe('SIGKILL');
    await there.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000, rejected: 0 } });
    expect(await database.row(sums('named'))).toEqual(await source.row(sums('orders')));
    // Nothing of it went into the folders of the homes.
    for (const { home } of [here, there]) expect(existsSync(path.join(home, 'staging/named'))).toBe(false);

    expect(await there.verify('named')).toMatchObject({ ok: true });
    Object.assign(process.env, variables);
    const told = await millrace('status', handle.workflowId, '--json');
    expect(events(told).at(-1)).toMatchObject({ receipts: [{ state: 'succeeded' }] });
    expect((await millrace('lineage', 'named')).out).toContain('named/run-');

    const client = s3Client();
    const folder = handle.workflowId.replace(/[-:](?=\d\d)|:/g, (found, at: number) => (at < 'named/run-'.length ? found : ''));
    await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: `staging/${folder}/orders/0000/cut-off.parquet` }));
    const cleaned = async (...flags: string[]) => (events(await millrace('clean', '--json', ...flags)).at(-1) as unknown as CleanReport).pipelines;
    expect(await cleaned('--dry-run')).toMatchObject([{ pipeline: 'named', uploads: 1 }]);
    expect(await cleaned()).toMatchObject([{ pipeline: 'named', uploads: 1 }]);
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
    client.destroy();
  } finally {
    restore();
    await here.close();
    await there.close();
  }
}, 240_000);
