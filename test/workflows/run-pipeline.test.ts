import { ApplicationFailure } from '@temporalio/common';
import type { RunSummary } from '../../src/domain/receipt';
import type { StreamProgress } from '../../src/workflows/messages';
import { blockable, failureOf, held, probe as probeOn, progressOf, stream } from '../support/probe';
import { eventually, openTemporal, type TestTemporal } from '../support/temporal';

let temporal: TestTemporal;
beforeAll(async () => { temporal = await openTemporal(); });
afterAll(() => temporal.close());

const probe = (...rest: Parameters<typeof probeOn> extends [TestTemporal, ...infer Rest] ? Rest : never) => probeOn(temporal, ...rest);

test('moves every partition through the stages, then checks, publishes and finishes', async () => {
  const { calls, start } = await probe();
  const summary = await (await start()).result() as RunSummary;
  expect(summary.state).toBe('succeeded');
  for (const ordinal of [0, 1, 2]) {
    const of = (verb: string) => calls.indexOf(`${verb} orders ${ordinal}`);
    expect([of('extractPartition'), of('transformBatch'), of('loadBatch')].sort((a, b) => a - b)).toEqual([of('extractPartition'), of('transformBatch'), of('loadBatch')]);
    expect(of('extractPartition')).toBeGreaterThan(0);
  }
  expect(calls.slice(-3)).toEqual(['checkStream orders', 'publishStream orders', 'finishRun']);
  expect(calls.filter((call) => call.startsWith('loadBatch'))).toHaveLength(3);
});

test('runs a stream after the streams it reads, and not at all where one of them failed', async () => {
  const reading = stream('report', { steps: [{ name: 'join', options: { stream: 'orders' } }] });
  const good = await probe({}, [reading, stream('orders')]);
  await (await good.start()).result();
  expect(good.calls.indexOf('planStream report')).toBeGreaterThan(good.calls.indexOf('publishStream orders'));

  const bad = await probe({ planStream: async () => { throw ApplicationFailure.nonRetryable('no such table', 'ConfigurationError', { disposition: 'fail', area: 'configuration', name: 'ConfigurationError' }); } }, [reading, stream('orders')]);
  const failure = await failureOf(await bad.start());
  const summary = (failure.cause as ApplicationFailure).details![0] as RunSummary;
  expect(summary.streams.map(({ stream: name, error }) => [name, error?.area, error?.message])).toEqual([
    ['report', 'internal', 'stream "report" was not started: "orders", which it reads, failed'],
    ['orders', 'configuration', 'no such table'],
  ]);
  expect(bad.calls).not.toContain('planStream report');
});

test('holds one partition with the remedy, finishes the others, and goes on after resume', async () => {
  let mended = false;
  const { calls, start } = await probe({ extractPartition: async ({ ordinal }) => {
    if (ordinal === 1 && !mended) throw held('reading "orders": permission denied; grant it');
    return { rows: 10, bytes: 1 };
  } });
  const handle = await start();
  const child = temporal.client.workflow.getHandle(`${handle.workflowId}/orders`);
  await eventually(async () => (await child.query<StreamProgress>('streamProgress').catch(() => null))?.partitions.done === 2, 'the other partitions are done');
  const waiting = await child.query<StreamProgress>('streamProgress');
  expect(waiting).toMatchObject({ state: 'held', message: 'reading "orders": permission denied; grant it' });
  mended = true;
  await handle.signal('resume');
  expect((await handle.result() as RunSummary).state).toBe('succeeded');
  expect(calls.filter((call) => call === 'loadBatch orders 1')).toHaveLength(1);
});

test('ends instead of holding with on_failure: fail, and says why', async () => {
  const { calls, start } = await probe({ loadBatch: async () => { throw held('table is full'); } }, undefined, 1, 'fail');
  const failure = await failureOf(await start());
  expect(failure.cause).toMatchObject({ type: 'RunFailed', message: 'orders: table is full' });
  expect(calls).not.toContain('publishStream orders');
});

test('pause stops what runs, nothing starts meanwhile, and resume starts it again', async () => {
  const block = blockable();
  const { calls, start } = await probe({ loadBatch: async () => { await block.wait(); return { rows: 9 }; } }, undefined, 2);
  const handle = await start();
  const child = temporal.client.workflow.getHandle(`${handle.workflowId}/orders`);
  await eventually(async () => block.waiting === 2, 'both loads run');
  await handle.signal('pause');
  await eventually(async () => (await child.query<StreamProgress>('streamProgress')).state === 'paused', 'paused');
  await eventually(async () => (await progressOf(handle)).state === 'paused', 'the run has heard of it');
  const before = calls.length;
  await handle.signal('resume');
  await eventually(async () => calls.filter((call) => call.startsWith('loadBatch')).length === 4, 'both loads run again');
  expect(calls.slice(before).every((call) => !call.startsWith('plan'))).toBe(true);
  block.release();
  await eventually(async () => { block.release(); return (await handle.describe()).status.name === 'COMPLETED'; }, 'the run ends');
});

test.each(['signal', 'request'])('cancel by %s ends the run as Cancelled with its receipt, and frees the pipeline', async (way) => {
  const block = blockable();
  const { calls, start } = await probe({ extractPartition: async () => { await block.wait(); return { rows: 1, bytes: 1 }; } });
  const handle = await start();
  await eventually(async () => block.waiting > 0, 'extraction runs');
  if (way === 'signal') await handle.signal('cancel', { now: true });
  else await handle.cancel();
  await failureOf(handle);
  expect((await handle.describe()).status.name).toBe('CANCELLED');
  expect(calls.at(-1)).toBe('finishRun');
  expect(calls.filter((call) => call.startsWith('publish'))).toEqual([]);
  const next = await start({}, '2026-08-02T00:00:00Z');
  await eventually(async () => { block.release(); return (await next.describe()).status.name === 'COMPLETED'; }, 'the next run ends');
});

test('a second run of a pipeline is refused, or queued until the first has ended', async () => {
  const block = blockable();
  const { start } = await probe({ checkStream: async () => { await block.wait(); return { warnings: [] }; } });
  const first = await start();
  await eventually(async () => block.waiting > 0, 'the first run runs');
  const refused = await failureOf(await start({}, '2026-08-02T00:00:00Z'));
  expect(refused.cause).toMatchObject({ type: 'PipelineBusy' });
  const queued = await start({ whenHeld: 'queue' }, '2026-08-03T00:00:00Z');
  await eventually(async () => (await progressOf(queued)).state === 'queued' && (await progressOf(queued)).message, 'queued');
  block.release();
  expect((await first.result() as RunSummary).state).toBe('succeeded');
  await eventually(async () => { block.release(); return (await queued.describe()).status.name === 'COMPLETED'; }, 'the queued run ends');
});
