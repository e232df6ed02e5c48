import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowUpdateFailedError, WorkflowHandle } from '@temporalio/client';
import type { Activities, SkipPartitionInput } from '../../src/activities/contract';
import type { RunSummary } from '../../src/domain/receipt';
import type { RunProgress, StreamProgress } from '../../src/workflows/messages';
import { blockable, failureOf, held, probe as probeOn, progressOf, stream } from '../support/probe';
import { eventually, openTemporal, type TestTemporal } from '../support/temporal';

let temporal: TestTemporal;
beforeAll(async () => { temporal = await openTemporal(); });
afterAll(() => temporal.close());

const probe = (...rest: Parameters<typeof probeOn> extends [TestTemporal, ...infer Rest] ? Rest : never) => probeOn(temporal, ...rest);
const childOf = (handle: WorkflowHandle, name = 'orders') => temporal.client.workflow.getHandle(`${handle.workflowId}/${name}`);
const streamOf = (handle: WorkflowHandle, name = 'orders') => childOf(handle, name).query<StreamProgress>('streamProgress');
const update = <Answer = RunProgress>(handle: WorkflowHandle, name: string, ...args: unknown[]) => handle.executeUpdate<Answer, [unknown]>(name, { args: [args[0]] });
const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    return (error as WorkflowUpdateFailedError).cause?.message ?? String(error);
  }
  throw new Error('it was not refused');
};
const heardOf = ({ events }: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>, signal: string) => events?.some(({ workflowExecutionSignaledEventAttributes: signaled }) => signaled?.signalName === signal);
const completed = (handle: WorkflowHandle, going: () => void = () => undefined) => eventually(async () => { going(); return (await handle.describe()).status.name === 'COMPLETED'; }, 'the run ends');
const latencies: string[] = [];
const timed = async <Answer>(what: string, work: () => Promise<Answer>): Promise<Answer> => {
  const begun = Date.now();
  const answer = await work();
  latencies.push(`${what} ${Date.now() - begun} ms`);
  return answer;
};
afterAll(() => { process.stderr.write(`acknowledged after: ${latencies.join(', ')}\n`); });

/** Where an activity can be caught at work, and what it gives when it is let go. */
const stages: readonly (readonly [stage: string, activity: keyof Activities, gives: unknown])[] = [
  ['plan', 'planStream', { hash: 'h', partitions: 3, wholeStream: false, estimatedRows: null, window: null, notes: [] }],
  ['extract', 'extractPartition', { rows: 10, bytes: 100 }],
  ['transform', 'transformBatch', { id: 'x', rows: 9, read: 10, rejected: 1 }],
  ['load', 'loadBatch', { rows: 9 }],
  ['check', 'checkStream', { warnings: [] }],
  ['publish', 'publishStream', { rows: 27 }],
];

/** A run that stands in the given activity. */
async function standingIn(activity: keyof Activities, gives: unknown) {
  const block = blockable();
  const made = await probe({ [activity]: async () => { await block.wait(); return gives; } } as Partial<Activities>);
  const handle = await made.start();
  await eventually(async () => block.waiting > 0, `${activity} runs`);
  return { ...made, block, handle };
}

describe.each(stages)('while %s is at work', (stage, activity, gives) => {
  test('pause stops it, nothing starts meanwhile, and resume starts it again', async () => {
    const { handle, block, calls } = await standingIn(activity, gives);
    await timed(`pause in ${stage}`, async () => {
      await handle.signal('pause', { reason: 'the source is needed', by: 'ann' });
      await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
    });
    expect(await progressOf(handle)).toMatchObject({ message: expect.stringContaining('paused by ann (the source is needed)') as string, streams: [{ state: 'paused' }] });
    const before = calls.length;
    block.release();
    await update(handle, 'setConcurrency', { concurrency: 2 });
    expect(calls).toHaveLength(before);
    await handle.signal('resume');
    await eventually(async () => calls.length > before, 'it is tried again');
    await completed(handle, block.release);
    expect(calls.slice(before).filter((call) => call.startsWith(activity))).not.toEqual([]);
  });

  test('concurrency changes, and answers with the state that results', async () => {
    const { handle, block } = await standingIn(activity, gives);
    const answer = await timed(`setConcurrency in ${stage}`, () => update(handle, 'setConcurrency', { concurrency: 9 }));
    expect(answer).toMatchObject({ concurrency: 9, state: 'running' });
    expect((await streamOf(handle)).window).toBe(9);
    await completed(handle, block.release);
  });

  test.each(['now', 'after what is in hand'])('cancel %s ends it as Cancelled, with its receipt', async (how) => {
    const { handle, block, calls } = await standingIn(activity, gives);
    await handle.signal('cancel', { now: how === 'now' });
    if (how !== 'now') await eventually(async () => heardOf(await childOf(handle).fetchHistory(), 'cancel'), 'the stream has heard it');
    if (how !== 'now') await eventually(async () => { block.release(); return (await handle.describe()).status.name !== 'RUNNING'; }, 'the run ends');
    await failureOf(handle);
    const { status, memo } = await handle.describe();
    expect(status.name).toBe('CANCELLED');
    expect((memo!['summary'] as RunSummary).state).toBe('cancelled');
    expect(calls.at(-1)).toBe('finishRun');
    if (stage !== 'publish') expect(calls).not.toContain('publishStream orders');
  });
});

test('a pause that meets an attempt which fails just then is a pause all the same, and so is a cancel', async () => {
  const block = blockable();
  const made = await probe({ loadBatch: async () => {
    await block.wait().catch(() => { throw ApplicationFailure.create({ message: 'canceling statement due to lock timeout', details: [{ disposition: 'retry', area: 'destination', name: 'DestinationUnavailableError' }] }); });
    return { rows: 9 };
  } });
  const handle = await made.start();
  await eventually(async () => block.waiting > 0, 'a load runs');
  await handle.signal('pause');
  await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
  const before = block.waiting;
  await handle.signal('resume');
  await eventually(async () => block.waiting > before, 'it runs again');
  await handle.signal('cancel', { now: true });
  await failureOf(handle);
  const { status, memo } = await handle.describe();
  expect(status.name).toBe('CANCELLED');
  expect(memo!['summary']).toMatchObject({ state: 'cancelled', streams: [{ state: 'cancelled', error: null }] });
});

describe('pause --until', () => {
  test('resumes by itself at the instant given', async () => {
    const { start, block } = await (async () => {
      const waiting = blockable();
      return { ...(await probe({ loadBatch: async () => { await waiting.wait(); return { rows: 9 }; } })), block: waiting };
    })();
    const handle = await start();
    await eventually(async () => block.waiting > 0, 'a load runs');
    await handle.signal('pause', { until: new Date(Date.now() + 2000).toISOString() });
    await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
    expect((await progressOf(handle)).message).toMatch(/paused until 20\d\d-.*Z/);
    await completed(handle, block.release);
  });

  test('a later pause replaces it, and a resume ends it', async () => {
    const { handle, block } = await standingIn('loadBatch', { rows: 9 });
    await handle.signal('pause', { until: new Date(Date.now() + 1000).toISOString() });
    await handle.signal('pause', { until: new Date(Date.now() + 86_400_000 * 3).toISOString() });
    await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await progressOf(handle)).state).toBe('paused');
    await handle.signal('resume');
    await completed(handle, block.release);
  });
});

describe('what is held', () => {
  const broken = new Set<number>();
  const holding = async (more: Partial<Activities> = {}, streams = [stream('orders', { write: 'append' })]) => {
    broken.clear();
    [1, 2].forEach((part) => broken.add(part));
    const made = await probe({ extractPartition: async ({ ordinal, reread }) => {
      if (broken.has(ordinal) && reread === undefined) throw held(`reading part ${ordinal}: permission denied`);
      return { rows: 10, bytes: 1 };
    }, ...more }, streams, 4);
    const handle = await made.start();
    await eventually(async () => (await progressOf(handle)).streams[0]!.waiting.length === 2, 'two parts are held');
    return { ...made, handle };
  };

  test('shows in the run itself, and is tried again all at once, by stream, or one by one', async () => {
    const { handle, calls } = await holding();
    expect(await progressOf(handle)).toMatchObject({ state: 'held', streams: [{ state: 'held', waiting: [{ partition: 1, state: 'held', message: 'reading part 1: permission denied' }, { partition: 2 }] }] });
    broken.delete(2);
    await timed('retry of one partition', () => update(handle, 'retryPartition', { stream: 'orders', partition: 2 }));
    await eventually(async () => (await progressOf(handle)).streams[0]!.waiting.length === 1, 'one part is left');
    await eventually(async () => calls.includes('loadBatch orders 2'), 'it is loaded');
    await update(handle, 'retryPartition', { stream: 'orders' });
    await eventually(async () => calls.filter((call) => call === 'extractPartition orders 1').length === 2, 'the other is tried again');
    await eventually(async () => (await progressOf(handle)).state === 'held', 'held again');
    broken.clear();
    await update(handle, 'retryPartition');
    await completed(handle);
  });

  test('is refused with what is wrong, and leaves no trace', async () => {
    const { handle } = await holding();
    const events = async () => (await handle.fetchHistory()).events!.filter(({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) => accepted).length;
    expect(await refusal(update(handle, 'retryPartition', { stream: 'ordrs' }))).toBe('retrying a part of stream "ordrs": the run has no such stream; its streams are orders');
    expect(await refusal(update(handle, 'retryPartition', { partition: 1 }))).toContain('name its stream too');
    expect(await refusal(update(handle, 'retryPartition', { reread: true }))).toContain('name the stream and the partition');
    expect(await refusal(update(handle, 'setConcurrency', { concurrency: 0 }))).toContain('a whole number from 1 to 256');
    expect(await refusal(update(handle, 'skipPartition', { stream: 'orders', partition: 1 }))).toContain('say why');
    expect(await refusal(update(handle, 'approve'))).toContain('nothing waits for an approval');
    expect(await events()).toBe(0);
    expect(await refusal(update(handle, 'retryPartition', { stream: 'orders', partition: 9 }))).toBe('stream "orders" has no partition 9; they are 0 to 3');
    expect(await refusal(update(handle, 'skipPartition', { stream: 'orders', partition: 0, reason: 'no' }))).toContain('is loaded already');
    await handle.signal('cancel');
    await failureOf(handle);
  });

  test('the same update twice is one', async () => {
    const { handle, calls } = await holding();
    broken.delete(1);
    const options = { args: [{ stream: 'orders', partition: 2 }] as [unknown], updateId: 'retry-1' };
    await handle.executeUpdate('retryPartition', options);
    await eventually(async () => calls.filter((call) => call === 'extractPartition orders 2').length === 2, 'tried again');
    await handle.executeUpdate('retryPartition', options);
    expect(calls.filter((call) => call === 'extractPartition orders 2')).toHaveLength(2);
    broken.clear();
    await handle.signal('resume');
    await completed(handle);
  });

  test('can be read again as the next generation, or left out with a reason', async () => {
    const skips: SkipPartitionInput[] = [];
    const { handle, calls } = await holding({ skipPartition: async (input) => { skips.push(input); } });
    await timed('reread', () => update(handle, 'retryPartition', { stream: 'orders', partition: 1, reread: true }));
    await eventually(async () => (await progressOf(handle)).streams[0]!.waiting.length === 1, 'one part is left');
    expect(calls).toContain('rereadPartition orders 1');
    await timed('skip', () => update(handle, 'skipPartition', { stream: 'orders', partition: 2, reason: 'its disk is broken', by: 'ann' }));
    await completed(handle);
    expect(skips).toMatchObject([{ ordinal: 2, reason: 'its disk is broken', by: 'ann' }]);
    expect(calls).not.toContain('loadBatch orders 2');
    expect(calls.slice(-3)).toEqual(['checkStream orders', 'publishStream orders', 'finishRun']);
  });

  test.each(['replace', 'scd2', 'delete_insert'] as const)('is not left out of %s, which takes earlier rows away', async (write) => {
    const { handle } = await holding({}, [stream('orders', { write })]);
    expect(await refusal(update(handle, 'skipPartition', { stream: 'orders', partition: 1, reason: 'broken' }))).toContain(`"write: ${write}" takes earlier rows away`);
    await handle.signal('cancel');
    await failureOf(handle);
  });

  test('survives a pause, and a cancel ends it', async () => {
    const { handle } = await holding();
    await handle.signal('pause');
    await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
    expect((await progressOf(handle)).streams[0]!.waiting).toHaveLength(2);
    await handle.signal('cancel');
    await failureOf(handle);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });
});

describe('what waits for an approval', () => {
  const waiting = async (approvals: readonly string[] = ['check "row_count": row_count is 3, must be greater than 10']) => {
    const made = await probe({ checkStream: async () => ({ warnings: [], approval: approvals }) });
    const handle = await made.start();
    await eventually(async () => (await progressOf(handle)).state === 'waiting_approval', 'it waits');
    return { ...made, handle };
  };

  test('says what fails and is published once approved, and the receipt says by whom', async () => {
    let outcomes: unknown;
    const made = await probe({ checkStream: async () => ({ warnings: [], approval: ['check "row_count": row_count is 3'] }), finishRun: async (input) => { outcomes = input.outcomes; return { state: 'succeeded', totals: {}, streams: [] } as unknown as RunSummary; } });
    const handle = await made.start();
    await eventually(async () => (await progressOf(handle)).state === 'waiting_approval', 'it waits');
    expect((await progressOf(handle)).streams[0]).toMatchObject({ state: 'waiting_approval', message: expect.stringContaining('check "row_count": row_count is 3') as string });
    expect(made.calls).not.toContain('publishStream orders');
    await timed('approve', () => update(handle, 'approve', { by: 'ann', reason: 'a holiday' }));
    await completed(handle);
    expect(made.calls).toContain('publishStream orders');
    expect(outcomes).toMatchObject([{ state: 'published', approvals: [{ by: 'ann', reason: 'a holiday' }] }]);
  });

  test('fails its stream once rejected, and publishes nothing', async () => {
    const { handle, calls } = await waiting();
    await update(handle, 'reject', { stream: 'orders', by: 'ann', reason: 'too few' });
    const failure = await failureOf(handle);
    expect(failure.cause).toMatchObject({ message: expect.stringContaining('rejected by ann (too few)') as string });
    expect((failure.cause as ApplicationFailure).details![0]).toMatchObject({ streams: [{ error: { area: 'check' } }] });
    expect(calls).not.toContain('publishStream orders');
  });

  test('waits through pause and resume, and a cancel ends it', async () => {
    const { handle, calls } = await waiting();
    await handle.signal('pause');
    await handle.signal('resume');
    await eventually(async () => (await progressOf(handle)).state === 'waiting_approval', 'it still waits');
    await handle.signal('cancel');
    await failureOf(handle);
    expect(calls).not.toContain('publishStream orders');
  });

  test('an activity that asks for an approval is called again with it', async () => {
    const { start, calls } = await probe({ planStream: async ({ approval }) => {
      if (!approval) throw ApplicationFailure.create({ message: 'planning "orders": a column is new', nonRetryable: true, type: 'ApprovalNeededError', details: [{ disposition: 'approve', area: 'check', name: 'ApprovalNeededError' }] });
      return { hash: 'h', partitions: 1, wholeStream: false, estimatedRows: null, window: null, notes: [`approved by ${approval.by}`] };
    } });
    const handle = await start();
    await eventually(async () => (await progressOf(handle)).state === 'waiting_approval', 'it waits');
    await update(handle, 'approve', { stream: 'orders', by: 'ann' });
    await completed(handle);
    expect(calls.filter((call) => call.startsWith('planStream'))).toHaveLength(2);
  });
});

describe('concurrency', () => {
  test('is shared by the streams of a run and changes while they run', async () => {
    const block = blockable();
    const { start, calls } = await probe({ extractPartition: async () => { await block.wait(); return { rows: 10, bytes: 1 }; } }, [stream('orders'), stream('lines')], 8);
    const handle = await start();
    await eventually(async () => block.waiting === 4, 'two of each are at work');
    await update(handle, 'setConcurrency', { concurrency: 8 });
    await eventually(async () => block.waiting === 8, 'four of each are at work');
    await update(handle, 'setConcurrency', { concurrency: 2 });
    const before = calls.length;
    block.release();
    await eventually(async () => calls.filter((call) => call.startsWith('loadBatch')).length === 8, 'those are loaded');
    await eventually(async () => block.waiting === 2, 'one of each is at work');
    expect(calls.slice(before).filter((call) => call.startsWith('extractPartition')).length).toBe(2);
    await completed(handle, block.release);
  });
});

describe('a lock that is ended from outside', () => {
  test('is taken again, and the run goes on', async () => {
    const { handle, block, pipeline } = await standingIn('loadBatch', { rows: 9 });
    await temporal.client.workflow.getHandle(pipeline).terminate('by the test');
    await eventually(async () => (await temporal.client.workflow.getHandle(pipeline).describe().catch(() => null))?.status.name === 'RUNNING', 'the lock is held again');
    await completed(handle, block.release);
  });

  test('holds the run where another one has it, until that has ended', async () => {
    const { handle, block, pipeline, queue } = await standingIn('loadBatch', { rows: 9 });
    const lock = temporal.client.workflow.getHandle(pipeline);
    // The other run takes it in the instant in which it is free.
    const stolen = (async () => {
      for (;;) {
        const other = await temporal.client.workflow.start('holdPipeline', { workflowId: pipeline, taskQueue: queue, memo: { holder: 'another' } }).catch(() => null);
        if (other) return other;
      }
    })();
    await lock.terminate('by the test');
    const other = await Promise.race([stolen, eventually(async () => (await lock.describe()).memo?.['holder'] !== 'another' && (await lock.describe()).status.name === 'RUNNING' && null, 'never', 3).catch(() => null)]);
    if (other) {
      await eventually(async () => (await progressOf(handle)).state === 'held', 'held');
      expect((await progressOf(handle)).message).toContain('another run of the pipeline holds it now');
      await other.signal('release');
    }
    await completed(handle, block.release);
  });
});

test('orders by hand reach a stream, and the run shows it', async () => {
  const { handle, block } = await standingIn('loadBatch', { rows: 9 });
  await childOf(handle).signal('pause');
  await eventually(async () => (await progressOf(handle)).streams[0]!.state === 'paused', 'the run shows it');
  await childOf(handle).signal('resume');
  await completed(handle, block.release);
});

test('whatever is typed as the input of a signal or update, the run goes on hearing its person', async () => {
  const { handle, block } = await standingIn('loadBatch', { rows: 9 });
  const nonsense = [null, 'now', 7, [1], { by: { name: 'ann' }, until: 8, window: 'many', partition: null, stream: 7 }] as const;
  for (const to of [handle, childOf(handle)]) {
    for (const name of ['pause', 'resume', 'setWindow', 'retryPartition', 'skipPartition', 'approve', 'reject', 'streamReport']) {
      for (const input of nonsense) await to.signal(name, input);
      await to.signal(name);
    }
  }
  for (const name of ['setConcurrency', 'retryPartition', 'skipPartition', 'approve', 'reject']) {
    for (const input of nonsense) expect(await refusal(update(handle, name, input as never))).toMatch(/^(setting concurrency|retrying|skipping|approving)/);
  }
  await handle.signal('pause', { until: 'Mon 08:00', by: 'ann' });
  await eventually(async () => (await progressOf(handle)).state === 'paused', 'paused');
  expect((await progressOf(handle)).message).toMatch(/^paused by ann until a person resumes it \("Mon 08:00" is no instant such as 20/);
  await handle.signal('resume', null);
  await completed(handle, block.release);
});

test.each([null, 'now'])('a cancel with the input %j ends the run as Cancelled', async (input) => {
  const { handle, block } = await standingIn('loadBatch', { rows: 9 });
  await handle.signal('cancel', input);
  await eventually(async () => { block.release(); return (await handle.describe()).status.name === 'CANCELLED'; }, 'the run ends');
});
