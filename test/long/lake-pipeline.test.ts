import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadPipeline } from '../../src/config/load-pipeline';
import type { RunSummary } from '../../src/domain/receipt';
import { openObjectStore } from '../../src/stores/object-store';
import { createBucket } from '../support/s3';
import { install, nextDate } from '../support/worker';

const folder = path.resolve(__dirname, '../../pipelines');

test('flights go to the lake by month, as the demo runs it: a second time nothing is loaded', async () => {
  const settings = await createBucket({ prefix: 'lake' });
  const variables = { MILLRACE_DEMO_S3: settings.endpoint!, MILLRACE_DEMO_S3_KEY: settings.access_key_id!, MILLRACE_DEMO_S3_SECRET: settings.secret_access_key!, MILLRACE_DEMO_S3_BUCKET: settings.bucket };
  const place = await install(readFileSync(path.join(folder, 'connections.yaml'), 'utf8'), { variables });
  const store = openObjectStore(settings, 'source');
  try {
    await place.startWorker();
    const spec = await loadPipeline(path.join(folder, 'flights-to-lake.yaml'));
    const run = async (): Promise<RunSummary> => {
      const logicalDate = nextDate();
      return await place.client.workflow.execute('runPipeline', {
        taskQueue: place.taskQueue, workflowId: `${spec.pipeline}/run-${logicalDate}`, args: [{ spec, logicalDate, connectionsFile: path.join(folder, 'connections.yaml'), whenHeld: 'refuse', allowDestructive: false }],
      }) as RunSummary;
    };
    expect((await run()).totals).toMatchObject({ read: 3_000_000, loaded: 3_000_000, rejected: 0 });
    const months = new Set<string>();
    for await (const { key } of store.list('flights/month=')) months.add(key.split('/')[1]!);
    expect([...months]).toEqual(['01', '02', '03', '04', '05', '06', '07'].map((month) => `month=2001-${month}-01`));
    expect((await run()).totals).toMatchObject({ read: 0, loaded: 0 });
    expect(await place.verify('flights_to_lake')).toMatchObject({ ok: true });
  } finally {
    store.close();
    await place.close();
  }
}, 300_000);
