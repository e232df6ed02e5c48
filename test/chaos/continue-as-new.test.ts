import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunProgress, StreamProgress } from '../../src/workflows/messages';
import { connections, createOrders, expectExact, pipelineOf, wordsOf } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { startOwnTemporal, type OwnServer } from '../support/servers';
import { eventually } from '../support/temporal';
import { install, killNow, summaryOf } from '../support/worker';

/** A stream with more partitions than one history may hold; here the server suggests a new one after a few dozen events. */
let folder: string;
let temporal: OwnServer;
let source: TestDatabase;
let database: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-continue-'));
  temporal = await startOwnTemporal(folder, ['limit.historyCount.suggestContinueAsNew=60']);
  source = await createDatabase();
  database = await createDatabase();
  await createOrders(source);
});
afterAll(async () => {
  await source.drop();
  await database.drop();
  await temporal.end('stopped');
  rmSync(folder, { recursive: true, force: true });
});

test('a stream that continues as new is paused, resumed and loses its worker: exact rows, each batch once', async () => {
  const place = await install(connections(source, database), { address: temporal.at });
  try {
    const worker = await place.startWorker();
    place.prepareWorker();
    const handle = await place.start(pipelineOf('continued', 'db', wordsOf('append_batch')).replace('rows: 1000', 'rows: 100'));
    const child = place.client.workflow.getHandle(`${handle.workflowId}/orders`);
    const progress = () => child.query<StreamProgress>('streamProgress').catch(() => null);
    await eventually(async () => ((await progress())?.partitions.done ?? 0) > 3, 'some partitions to be done', 60);
    await handle.signal('pause');
    const paused = await eventually(async () => { const now = await progress(); return now?.state === 'paused' && now; }, 'the stream to be paused', 60);
    expect(paused.partitions.done).toBeLessThan(30);
    await handle.signal('resume');
    await eventually(async () => ((await progress())?.partitions.done ?? 0) > paused.partitions.done + 3, 'more partitions to be done', 60);
    await killNow(worker);
    await place.startWorker();
    expect(await summaryOf(handle)).toMatchObject({ state: 'succeeded', totals: { read: 3000, loaded: 3000 } });
    await expectExact(place, source, database, 'continued', 'db');
    expect(await database.row('SELECT count(*)::text AS n, count(DISTINCT batch_id)::text AS ids FROM _millrace_loads')).toEqual({ n: '30', ids: '30' });
    const executions = async () => { const found = []; for await (const one of place.client.workflow.list({ query: `WorkflowId = '${child.workflowId}'` })) found.push(one.status.name); return found; };
    await eventually(async () => { const found = await executions(); return found.filter((name) => name === 'CONTINUED_AS_NEW').length >= 3; }, 'the stream to have continued as new several times');
  } finally {
    await place.close();
  }
}, 180_000);

test('a run that waits in line is paused and told its concurrency: it keeps both when it continues as new', async () => {
  const place = await install(connections(source, database), { address: temporal.at });
  try {
    await place.startWorker();
    const yaml = pipelineOf('in_line', 'db', wordsOf('append_batch'));
    const first = await place.start(yaml);
    await first.signal('pause');
    const second = await place.start(yaml, undefined, { whenHeld: 'queue' });
    const { runId: began } = await second.describe();
    const latest = place.client.workflow.getHandle(second.workflowId);
    const progress = () => latest.query<RunProgress>('progress').catch(() => null);
    await eventually(async () => (await progress())?.state === 'queued', 'the second to wait in line', 60);
    await latest.executeUpdate('setConcurrency', { args: [{ concurrency: 3 }] });
    // As many words as make its history long.
    for (let times = 0; times < 70; times += 1) await latest.signal('pause', { by: 'ann', reason: `word ${times}` });
    await eventually(async () => { const { runId } = await latest.describe(); return runId !== began; }, 'the second to continue as new', 90);
    await first.signal('resume');
    await summaryOf(first);
    const paused = await eventually(async () => { const now = await progress(); return now?.state === 'paused' && now; }, 'the second to be paused', 60);
    expect(paused).toMatchObject({ concurrency: 3, message: expect.stringContaining('paused by ann (word 69)') as string });
    await latest.signal('resume');
    expect(await summaryOf(latest)).toMatchObject({ state: 'succeeded' });
  } finally {
    await place.close();
  }
}, 180_000);
