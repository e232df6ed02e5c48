import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities, ConnectionCheck } from '../../src/activities/contract';
import { main } from '../../src/client';
import { noTotals, type Totals } from '../../src/domain/balance';
import type { RunSummary } from '../../src/domain/receipt';
import { eventually, openTemporal, temporalAddress, type TestTemporal } from '../support/temporal';

let temporal: TestTemporal;
const before = { ...process.env };
beforeAll(async () => { temporal = await openTemporal(); });
afterAll(async () => {
  process.env = before;
  await temporal.close();
});

const held = (message: string) => ApplicationFailure.create({ message, nonRetryable: true, type: 'SourceHeldError', details: [{ disposition: 'hold', area: 'source', name: 'SourceHeldError' }] });
const moved: Totals = { ...noTotals, read: 30, loaded: 27, rejected: 3 };

interface Project {
  readonly pipeline: string;
  readonly file: string;
}

/** A pipeline, and a worker on a queue of its own whose activities are fakes: here the command line is the subject. */
async function project(overrides: Partial<Activities> = {}, state: RunSummary['state'] = 'succeeded_with_rejects', onFailure = 'hold'): Promise<Project> {
  const pipeline = `cli_${randomBytes(5).toString('hex')}`;
  const queue = `queue_${pipeline}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'run-'));
  const file = path.join(folder, 'p.yaml');
  writeFileSync(path.join(folder, 'connections.yaml'), 'a: { connector: postgres, database: a }\n');
  writeFileSync(file, `pipeline: ${pipeline}\nsource: a\ndestination: a\nstreams: [{ stream: orders, to: copies }]\non_failure: ${onFailure}\n`);
  Object.assign(process.env, { TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml'), MILLRACE_TASK_QUEUE: queue, MILLRACE_HOME: path.join(folder, '.millrace') });
  const activities: Activities = {
    startRun: async ({ workflowId, executionId, startedAt, logicalDate }) => ({ run: { pipeline, workflowId, executionId, startedAt, logicalDate, generation: 1 }, queue, heartbeatTimeout: '5s' }),
    prepareTarget: async () => undefined,
    planStream: async () => ({ hash: 'h', partitions: 3, wholeStream: false, estimatedRows: 30, window: null, notes: [] }),
    extractPartition: async () => ({ rows: 10, bytes: 100 }),
    transformBatch: async ({ ordinal }) => ({ id: String(ordinal), rows: 9, read: 10, rejected: 1 }),
    transformStream: async () => ({ id: 'all', rows: 5, read: 27, rejected: 0 }),
    loadBatch: async () => ({ rows: 9 }),
    checkStream: async () => ({ warnings: [] }),
    publishStream: async () => ({ rows: 27 }),
    rereadPartition: async () => undefined,
    skipPartition: async () => undefined,
    rollbackRun: async () => ({ kept: {} }),
    checkConnections: async () => [],
    finishRun: async ({ run, cancelled, outcomes }): Promise<RunSummary> => {
      const ended = cancelled ? 'cancelled' : outcomes.some((outcome) => outcome.state === 'failed') ? 'failed' : state;
      const streams = outcomes.map(({ stream, error }) => ({ stream, to: 'copies', state: ended, error, totals: moved, lines: [], batches: 3, window: null, checks: [], notes: [], deleted: 0 }));
      return { run, state: ended, streams, totals: moved, pipelineHash: '', finishedAt: '', version: '', previous: null, hash: '' };
    },
    ...overrides,
  };
  await temporal.startWorker(queue, activities);
  return { pipeline, file };
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command at a time speaks to standard output; those that only act run beside it through the client. */
async function millrace(...argv: readonly string[]): Promise<Said> {
  let out = '';
  let err = '';
  const spies = [
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => { out += String(text); return true; }),
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => { err += String(text); return true; }),
  ];
  try {
    const code = await main(argv);
    return { code, out, err };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
const events = ({ out }: Said): readonly Record<string, unknown>[] => out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => { open = resolve; });
  return { opened, open };
}

describe('run', () => {
  it('starts, waits, and prints the balance and where rejected rows lie', async () => {
    const { pipeline, file } = await project();
    const { code, out } = await millrace('run', file, '--logical-date', '2026-08-01');
    expect(code).toBe(2);
    expect(out).toContain(`run ${pipeline}/run-2026-08-01T00:00:00Z started`);
    expect(out).toMatch(/orders +30 +27 +3 +with rejects/);
    expect(out).toContain(`millrace quarantine show ${pipeline}/run-2026-08-01T00:00:00Z`);
  });

  it('ends its events with the summary', async () => {
    const { file } = await project({}, 'succeeded');
    const said = await millrace('run', file, '--json');
    expect(said.code).toBe(0);
    expect(events(said)[0]).toMatchObject({ event: 'started' });
    expect(events(said).at(-1)).toMatchObject({ event: 'summary', summary: { state: 'succeeded', totals: moved } });
  });

  it('ends by the area of what failed', async () => {
    const { file } = await project({ loadBatch: async () => { throw ApplicationFailure.create({ message: 'no such table', nonRetryable: true, details: [{ disposition: 'fail', area: 'destination', name: 'X' }] }); } });
    const { code, out } = await millrace('run', file);
    expect(code).toBe(6);
    expect(out).toContain('orders: no such table');
  });

  it('says what a held run waits for, ends with 8, and attaches after resume', async () => {
    let mended = false;
    const { pipeline, file } = await project({ planStream: async () => {
      if (!mended) throw held('permission denied for table orders; grant it');
      return { hash: 'h', partitions: 1, wholeStream: false, estimatedRows: 10, window: null, notes: [] };
    } });
    const first = await millrace('run', file);
    expect(first).toMatchObject({ code: 8 });
    expect(first.out.replace(/\s+/g, ' ')).toMatch(/is held: .* - orders: permission denied for table orders; grant it mend that, then go on with "millrace resume/);
    expect((await millrace('status', pipeline)).out).toContain('permission denied');
    mended = true;
    expect(await millrace('resume', pipeline)).toMatchObject({ code: 0 });
    expect((await millrace('run', file)).code).not.toBe(8);
  });

  it('says what waits for an approval and the commands that decide it, and ends with 8', async () => {
    const { pipeline, file } = await project({ checkStream: async () => ({ warnings: [], approval: ['check "row_count": row_count is 3'] }) });
    const first = await millrace('run', file);
    expect(first).toMatchObject({ code: 8 });
    const runId = /run (\S+) started/.exec(first.out)![1]!;
    expect(first.out.replace(/\s+/g, ' ')).toContain(`waits for an approval: it waits for you, and nothing is lost - orders: checking stream "orders": check "row_count": row_count is 3`);
    expect(first.out.replace(/\s+/g, ' ')).toContain(`decide with "millrace approve ${runId}", or "millrace reject ${runId}"`);
    expect(events(await millrace('run', file, '--json')).at(-1)).toMatchObject({ event: 'waiting_approval', run: runId, streams: [{ stream: 'orders', state: 'waiting_approval' }], next: [`millrace approve ${runId}`, `millrace reject ${runId}`] });
    expect((await millrace('status', pipeline)).out.replace(/\s+/g, ' ')).toContain(`decide with "millrace approve ${runId}"`);
    expect(await millrace('approve', pipeline)).toMatchObject({ code: 0 });
    expect(await temporal.client.workflow.getHandle(runId).result()).toMatchObject({ state: 'succeeded_with_rejects' });
  });

  it('goes on watching a run that is paused, says so once with the command that goes on, and is told with --json', async () => {
    const { opened, open } = gate();
    const { pipeline, file } = await project({ publishStream: async () => { await Promise.race([opened, Context.current().cancelled]); return { rows: 27 }; } });
    await millrace('run', file, '--detach', '--logical-date', '2026-08-01');
    const runId = `${pipeline}/run-2026-08-01T00:00:00Z`;
    const handle = temporal.client.workflow.getHandle(runId);
    await handle.signal('pause', { by: 'ann', reason: 'the source is needed' });
    await eventually(async () => (await millrace('status', pipeline)).out.includes('paused by ann'), 'it is paused');
    setTimeout(() => { open(); void handle.signal('resume'); }, 4000);
    const { code, out } = await millrace('run', file, '--json');
    expect(code).toBe(2);
    const told = events({ code, out, err: '' });
    expect(told.filter(({ event }) => event === 'paused')).toMatchObject([{ run: runId, message: `paused by ann (the source is needed); "millrace resume ${runId}" goes on`, next: [`millrace resume ${runId}`] }]);
    expect(told.at(-1)).toMatchObject({ event: 'summary' });
  });

  it('shows what is read while it is read, and how often it was tried', async () => {
    let tries = 0;
    const { opened, open } = gate();
    const { pipeline, file } = await project({ extractPartition: async ({ ordinal }) => {
      if (ordinal === 0 && (tries += 1) < 3) throw new Error('the connection was reset');
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat({ v: 1, rows: 1234, bytes: 5_600_000 }), 50);
      await opened;
      clearInterval(beat);
      return { rows: 10, bytes: 100 };
    } });
    await millrace('run', file, '--detach');
    await eventually(async () => /extract +3,702 rows +16\.8 MB +0\/3 parts \(3 extract\) +2 retries/.test((await millrace('status', pipeline)).out.replace(/\s+/g, ' ')), 'three parts at work show');
    open();
    expect((await millrace('run', file)).code).toBe(2);
  });

  it('attaches to the run that is going on, unless told to refuse', async () => {
    const { opened, open } = gate();
    const { pipeline, file } = await project({ publishStream: async () => { await opened; return { rows: 27 }; } });
    expect((await millrace('run', file, '--detach', '--logical-date', '2026-08-01')).code).toBe(0);
    await eventually(async () => (await millrace('status', pipeline)).out.includes('publish'), 'the run reaches publish');
    expect(await millrace('run', file, '--refuse')).toMatchObject({ code: 1, err: expect.stringContaining(`run "${pipeline}/run-2026-08-01T00:00:00Z" is going on`) as string });
    setTimeout(open, 1500);
    const attached = await millrace('run', file, '--json');
    expect(events(attached)[0]).toEqual({ event: 'attached', run: `${pipeline}/run-2026-08-01T00:00:00Z` });
    expect(events(attached).at(-1)).toMatchObject({ event: 'summary' });
  });

  it('waits in line with --queue, and says so', async () => {
    const { opened, open } = gate();
    const { pipeline, file } = await project({ publishStream: async () => { await opened; return { rows: 27 }; } });
    await millrace('run', file, '--detach', '--logical-date', '2026-08-01');
    await eventually(async () => (await millrace('status', pipeline)).out.includes('publish'), 'the first run reaches publish');
    setTimeout(open, 1500);
    const { code, out } = await millrace('run', file, '--queue', '--logical-date', '2026-08-02');
    expect(out).toMatch(/run-2026-08-02T00:00:00Z started\nanother run of ".*" is going on; this one starts when it has ended\n/);
    expect(code).toBe(2);
  });

  it('leaves the run alone on Ctrl-C, says how to come back, and ends with 130; cancel ends it', async () => {
    const { opened, open } = gate();
    const { pipeline, file } = await project({ publishStream: async () => { await opened; return { rows: 27 }; } });
    // Temporal's runtime listens too and would stop the worker of this process; a person's Ctrl-C reaches the client alone.
    const others = process.listeners('SIGINT');
    setTimeout(() => process.listeners('SIGINT').filter((listener) => !others.includes(listener)).forEach((listener) => listener('SIGINT')), 2000);
    const detached = await millrace('run', file);
    expect(detached.code).toBe(130);
    expect(detached.out).toMatch(/goes on: watch it with "millrace run .*end it with "millrace cancel/);
    setTimeout(open, 500);
    expect(await millrace('cancel', pipeline)).toMatchObject({ code: 0, out: expect.stringContaining('has ended: cancelled') as string });
  });

  it('pauses and resumes a run by its pipeline\'s name', async () => {
    let going = false;
    const { pipeline, file } = await project({ extractPartition: async () => {
      if (!going) throw new Error('not yet');
      return { rows: 10, bytes: 100 };
    } });
    await millrace('run', file, '--detach');
    await eventually(async () => (await millrace('status', pipeline)).out.includes('extract'), 'the run extracts');
    expect(await millrace('pause', pipeline)).toMatchObject({ code: 0, out: expect.stringMatching(/is paus(ed|ing)/) as string });
    going = true;
    expect(await millrace('resume', pipeline)).toMatchObject({ code: 0 });
    expect((await millrace('run', file)).code).toBe(2);
  });
});

describe('check', () => {
  const answer = (ok: boolean): readonly ConnectionCheck[] => [
    { connection: 'a', side: 'source', ok: true, messages: ['reached'] }, { connection: 'a', side: 'destination', ok, messages: [ok ? 'reached' : 'grant CREATE on schema public'] },
  ];
  it('tries both connections on the worker', async () => {
    const { file } = await project({ checkConnections: async () => answer(true) });
    expect(await millrace('check', file)).toMatchObject({ code: 0, out: expect.stringMatching(/source "a"\n +reached\n.*destination "a"/) as string });
  });
  it('ends by the side that failed', async () => {
    const { file } = await project({ checkConnections: async () => answer(false) });
    expect(await millrace('check', file)).toMatchObject({ code: 6, out: expect.stringContaining('grant CREATE on schema public') as string });
  });
});
