import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { Activities } from '../../src/activities/contract';
import { matchingTimes } from '../../src/cli/schedule/runs';
import { noTotals } from '../../src/domain/balance';
import type { InstantAccount } from '../../src/domain/instants';
import type { RunSummary } from '../../src/domain/receipt';
import { events, millrace } from '../support/millrace';
import { eventually, openTemporal, temporalAddress, workflowsOf, type TestTemporal } from '../support/temporal';

let temporal: TestTemporal;
const before = { ...process.env };
const made: string[] = [];
beforeAll(async () => { temporal = await openTemporal(); });
afterAll(async () => {
  for (const id of made) await temporal.client.schedule.getHandle(id).delete().catch(() => undefined);
  process.env = before;
  await temporal.close();
});

interface Project {
  readonly pipeline: string;
  readonly file: string;
  /** Logical dates of the runs that started, in order. */
  readonly started: string[];
  write(schedule: string, more?: string): void;
  /** While set, runs stop before they end. */
  hold(until: Promise<void> | null): void;
}

/** A pipeline file, and a worker whose activities are fakes: here the schedule is the subject. */
async function project(schedule: string): Promise<Project> {
  const pipeline = `sched_${randomBytes(5).toString('hex')}`;
  const queue = `queue_${pipeline}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'schedule-'));
  const file = path.join(folder, 'p.yaml');
  const started: string[] = [];
  let gate: Promise<void> | null = null;
  writeFileSync(path.join(folder, 'connections.yaml'), 'a: { connector: postgres, database: a }\n');
  const write = (words: string, more = '') => writeFileSync(file, `pipeline: ${pipeline}\nsource: a\ndestination: a\nstreams: [{ stream: orders, to: copies }]\nschedule: ${words}\n${more}`);
  write(schedule);
  Object.assign(process.env, { TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml'), MILLRACE_TASK_QUEUE: queue, MILLRACE_HOME: path.join(folder, '.millrace') });
  const activities: Partial<Activities> = {
    startRun: async ({ workflowId, executionId, startedAt, logicalDate }) => {
      started.push(logicalDate);
      return { run: { pipeline, workflowId, executionId, startedAt, logicalDate, generation: 1 }, queue, heartbeatTimeout: '5s' };
    },
    planStream: async () => ({ hash: 'h', partitions: 0, wholeStream: false, estimatedRows: 0, window: null, notes: [] }),
    checkStream: async () => { await gate; return { warnings: [] }; },
    publishStream: async () => ({ rows: 0 }),
    finishRun: async ({ run, cancelled, outcomes }): Promise<RunSummary> => ({
      run, state: cancelled ? 'cancelled' : 'succeeded', totals: noTotals, pipelineHash: '', finishedAt: '', version: '', previous: null, hash: '',
      streams: outcomes.map(({ stream, error }) => ({ stream, to: 'copies', state: 'succeeded', error, totals: noTotals, lines: [], batches: 0, window: null, checks: [], notes: [], deleted: 0 })),
    }),
  };
  await temporal.startWorker(queue, activities);
  made.push(pipeline);
  return { pipeline, file, started, write, hold: (until) => { gate = until; } };
}

const closed = (runId: string) => eventually(async () => {
  const { status } = await temporal.client.workflow.getHandle(runId).describe();
  return status.name !== 'RUNNING' && status.name;
}, `run ${runId} ends`);

test('apply makes the schedule, says what a change changes, and changes nothing when said again', async () => {
  const { pipeline, file, write } = await project('{ cron: "0 2 * * *", timezone: Europe/Berlin }');
  expect(await millrace('schedule', 'apply', file)).toMatchObject({ code: 0, out: expect.stringMatching(/: created\n {2}"0 2 \* \* \*" in Europe\/Berlin\n.*\n {2}next run \d{4}-/) as string });
  expect(events(await millrace('schedule', 'apply', file, '--json'))).toMatchObject([{ what: 'unchanged', changes: [] }]);
  write('{ cron: "30 2 * * *", timezone: Europe/Berlin, overlap: skip }', 'limits: { concurrency: 2 }\n');
  expect(await millrace('schedule', 'list', pipeline)).toMatchObject({ out: expect.stringContaining('the file has changed since') as string });
  expect(await millrace('status', pipeline)).toMatchObject({ code: 0, out: expect.stringMatching(/"0 2 \* \* \*" in Europe\/Berlin: next .*\n.*the file has changed since/) as string });
  const [applied] = events(await millrace('schedule', 'apply', file, '--json'));
  expect(applied).toMatchObject({ what: 'updated', changes: ['limits.concurrency: 4 → 2', 'schedule.cron.0: "0 2 * * *" → "30 2 * * *"', 'schedule.overlap: "buffer_one" → "skip"'] });
  const { spec, policies, action } = await temporal.client.schedule.getHandle(pipeline).describe();
  expect(spec.timezone).toBe('Europe/Berlin');
  expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 86_400_000 });
  expect(action).toMatchObject({ workflowId: `${pipeline}/run`, args: [{ whenHeld: 'refuse', spec: { pipeline, limits: { concurrency: 2 } } }] });
  expect(await millrace('schedule', 'list', pipeline)).toMatchObject({ out: expect.not.stringContaining('the file has changed since') as string });
});

test('a paused schedule stays paused when applied, and keeps who paused it and why', async () => {
  const { pipeline, file, write } = await project('{ every: 1 hour }');
  await millrace('schedule', 'apply', file);
  await millrace('schedule', 'pause', pipeline, '--reason', 'warehouse is moved');
  write('{ every: 2 hours }');
  expect(await millrace('schedule', 'apply', file)).toMatchObject({ code: 0, out: expect.stringContaining('and stays so') as string });
  const { state } = await temporal.client.schedule.getHandle(pipeline).describe();
  expect(state).toMatchObject({ paused: true, note: expect.stringMatching(/^paused by .+ at .+: warehouse is moved$/) as string });
  expect(await millrace('schedule', 'resume', pipeline)).toMatchObject({ code: 0, out: expect.stringContaining('goes on: next run') as string });
  expect((await temporal.client.schedule.getHandle(pipeline).describe()).state).toMatchObject({ paused: false, note: expect.stringMatching(/^resumed by/) as string });
});

test('a scheduled run is named for its nominal time and takes its logical date from it', async () => {
  const { pipeline, file, started } = await project('{ every: 2 seconds, overlap: skip }');
  await millrace('schedule', 'apply', file);
  await eventually(async () => started.length >= 2, 'two runs start');
  await millrace('schedule', 'pause', pipeline);
  for (const date of started) {
    expect(Number(date.slice(17, 19)) % 2).toBe(0);
    expect(await closed(`${pipeline}/run-${date}`)).toBe('COMPLETED');
  }
  // Temporal's own backfill starts runs for instants long past: their dates are those instants, not the clock.
  await temporal.client.schedule.getHandle(pipeline).backfill({ start: new Date('2026-08-01T00:00:00Z'), end: new Date('2026-08-01T00:00:02Z'), overlap: 'BUFFER_ALL' });
  await eventually(async () => started.includes('2026-08-01T00:00:00Z') && started.includes('2026-08-01T00:00:02Z'), 'both runs start');
  expect(await closed(`${pipeline}/run-2026-08-01T00:00:02Z`)).toBe('COMPLETED');
  const { code, err } = await millrace('schedule', 'delete', pipeline);
  expect([code, err]).toEqual([0, '']);
  expect(await millrace('schedule', 'pause', pipeline)).toMatchObject({ code: 4, err: expect.stringContaining('there is none') as string });
});

test('runs of a schedule, however they are started, are found by what they are and say', async () => {
  const { pipeline, file, write } = await project('{ every: 2 seconds, overlap: skip }');
  await millrace('schedule', 'apply', file);
  const labelled = () => workflowsOf(temporal.client, `MillracePipeline = "${pipeline}" AND MillraceState = "succeeded" AND MillraceRows = 0 AND MillraceRejects = 0`);
  await eventually(async () => (await labelled()).length >= 2, 'two scheduled runs are found');
  write('{ every: 1 day, overlap: skip }');
  await millrace('schedule', 'apply', file);
  // Refused while a run of the earlier schedule is still going on.
  const triggered = await eventually(async () => {
    const said = await millrace('schedule', 'trigger', pipeline, '--json');
    return said.code === 0 && (events(said)[0]!['run'] as string | null);
  }, 'the trigger is taken');
  await temporal.client.schedule.getHandle(pipeline).backfill({ start: new Date('2026-08-01T00:00:00Z'), end: new Date('2026-08-01T00:00:01Z'), overlap: 'BUFFER_ALL' });
  const again = `${pipeline}/run-2026-08-01T00:00:00Z`;
  await eventually(async () => { const found = await labelled(); return found.includes(triggered) && found.includes(again); }, 'both are found', 90);
  const { typedSearchAttributes } = await temporal.client.workflow.getHandle(again).describe();
  expect(typedSearchAttributes.get(defineSearchAttributeKey('MillraceLogicalDate', 'DATETIME'))).toEqual(new Date('2026-08-01T00:00:00Z'));
  expect(await workflowsOf(temporal.client, `MillraceStream = "orders" AND MillracePipeline = "${pipeline}"`)).toContain(`${again}/orders`);
}, 240_000);

test('a trigger waits behind the run that is going on, or is refused; never beside it', async () => {
  const { pipeline, file, started, hold } = await project('{ every: 1 day }');
  await millrace('schedule', 'apply', file);
  let release = (): void => undefined;
  hold(new Promise<void>((resolve) => { release = resolve; }));
  const [first] = events(await millrace('schedule', 'trigger', pipeline, '--json'));
  expect(first).toMatchObject({ overlap: 'buffer_one', behind: null, run: expect.stringMatching(new RegExp(`^${pipeline}/run-`)) as string });
  expect(await millrace('schedule', 'trigger', pipeline, '--overlap', 'skip')).toMatchObject({ code: 1, err: expect.stringContaining('is going on, and overlap is skip') as string });
  // Two triggers in one second would be one run: ids have whole seconds.
  await eventually(async () => Math.floor(Date.now() / 1000) > Math.floor(Date.parse(started[0]!) / 1000), 'the next second');
  expect(await millrace('schedule', 'trigger', pipeline)).toMatchObject({ code: 0, out: `triggered: a run of "${pipeline}" starts when ${String(first!['run'])} has ended\n` });
  expect(started).toHaveLength(1);
  hold(null);
  release();
  expect(await closed(String(first!['run']))).toBe('COMPLETED');
  await eventually(async () => started.length === 2, 'the second run starts');
});

test.each(['skip', 'buffer_one'])('a scheduled run that finds the lock taken by hand does as overlap says: %s', async (overlap) => {
  const { pipeline, file, started, hold } = await project(`{ every: 2 seconds, overlap: ${overlap} }`);
  let release = (): void => undefined;
  hold(new Promise<void>((resolve) => { release = resolve; }));
  const byHand = '2026-08-01T00:00:00Z';
  expect((await millrace('run', file, '--logical-date', byHand, '--detach')).code).toBe(0);
  await eventually(async () => started.length === 1, 'the run by hand holds the lock');
  await millrace('schedule', 'apply', file);
  const accounts = async () => events(await millrace('schedule', 'list', pipeline, '--json')).at(-1)!['instants'] as readonly InstantAccount[];
  const first = await eventually(async () => (await accounts()).find(({ run }) => run !== null), 'a scheduled run is there');
  expect(started).toEqual([byHand]);
  if (overlap === 'skip') {
    await closed(first.run!);
    // The server's list lags behind by moments.
    const skipped = await eventually(async () => (await accounts()).find(({ at, fate }) => at === first.at && fate !== 'ran'), 'it is accounted for');
    expect(skipped).toMatchObject({ fate: 'skipped', why: 'another run of the pipeline was going on' });
  } else {
    const queued = await eventually(async () => {
      const progress = await temporal.client.workflow.getHandle(first.run!).query<{ state: string; message: string | null }>('progress');
      return progress.message !== null && progress;
    }, 'the scheduled run says what it waits for');
    expect(queued).toMatchObject({ state: 'queued', message: expect.stringContaining('another run') as string });
  }
  await millrace('schedule', 'pause', pipeline);
  hold(null);
  release();
  await closed(`${pipeline}/run-${byHand}`);
  if (overlap === 'buffer_one') expect(await closed(first.run!)).toBe('COMPLETED');
});

// Measured: in spring a time that does not exist is left out; in autumn a daily time that comes twice is taken once in Berlin and twice in New York,
// and an hourly line leaves out the hour that is repeated. No rows are missed by that: each run reads from the checkpoint.
test.each([
  ['30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', '2026-03-30T12:00:00Z', ['2026-03-28T01:30:00Z', '2026-03-30T00:30:00Z']],
  ['30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00:00Z', '2026-10-26T12:00:00Z', ['2026-10-24T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-26T01:30:00Z']],
  ['30 2 * * *', 'America/New_York', '2026-03-07T00:00:00Z', '2026-03-09T12:00:00Z', ['2026-03-07T07:30:00Z', '2026-03-09T06:30:00Z']],
  ['30 1 * * *', 'America/New_York', '2026-10-31T00:00:00Z', '2026-11-02T12:00:00Z', ['2026-10-31T05:30:00Z', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z', '2026-11-02T06:30:00Z']],
  ['0 * * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', '2026-10-25T03:00:00Z', ['2026-10-24T23:00:00Z', '2026-10-25T00:00:00Z', '2026-10-25T02:00:00Z', '2026-10-25T03:00:00Z']],
])('the server reckons "%s" in %s from %s', async (cron, timezone, from, to, expected) => {
  const { pipeline, file } = await project(`{ cron: "${cron}", timezone: ${timezone} }`);
  await millrace('schedule', 'apply', file);
  expect(await matchingTimes(temporal.client, pipeline, new Date(from), new Date(to))).toEqual(expected);
});

test('an account of more instants than one answer of the server holds has them all', async () => {
  const { pipeline, file } = await project('{ every: 1 second }');
  await millrace('schedule', 'apply', file);
  await millrace('schedule', 'pause', pipeline);
  const found = await matchingTimes(temporal.client, pipeline, new Date('2026-08-01T00:00:00Z'), new Date('2026-08-01T00:40:00Z'));
  expect([found[0], found.at(-1), new Set(found).size]).toEqual(['2026-08-01T00:00:00Z', '2026-08-01T00:40:00Z', 2401]);
});
