import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

/** Histories of real runs (`node scripts/record-histories.mjs`), replayed against the workflows of today: a run that is going on survives an update. */
const folder = path.join(__dirname, '../histories');
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const workflowBundle = { codePath: path.resolve(__dirname, '../../lib/workflow-bundle.js') };

interface RecordedEvent {
  readonly eventTime: string;
  readonly activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  readonly workflowExecutionSignaledEventAttributes?: { readonly signalName: string };
}
interface Recorded {
  readonly workflowId: string;
  readonly history: { readonly events: readonly RecordedEvent[] };
}
const read = (name: string): Recorded => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Recorded;
const replay = ({ history, workflowId }: Recorded): Promise<void> => Worker.runReplayHistory({ workflowBundle }, history, workflowId);

beforeAll(() => { Runtime.install({ logger: new DefaultLogger('ERROR') }); });

test('there is a history of every workflow that a run consists of', () => {
  const types = new Set(files.map((name) => /-([A-Za-z]+)\.json$/.exec(name)![1]));
  expect([...types]).toEqual(expect.arrayContaining(['runPipeline', 'loadStream', 'holdPipeline', 'requestCancel']));
});

test.each(files)('replays %s', async (name) => {
  await replay(read(name));
});

test('a run whose pause lasted for days replays the same', async () => {
  const recorded = read('paused-0-runPipeline.json');
  const { events } = recorded.history;
  const resumed = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'resume');
  expect(resumed).toBeGreaterThan(events.findIndex((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'pause'));
  const days = (time: string): string => new Date(Date.parse(time) + 4 * 86_400_000).toISOString();
  await replay({ ...recorded, history: { events: events.map((event, at) => (at < resumed ? event : { ...event, eventTime: days(event.eventTime) })) } });
});

test('a history of other workflows is refused', async () => {
  const recorded = read(files.find((name) => name.startsWith('finished-1-'))!);
  recorded.history.events.find((event) => event.activityTaskScheduledEventAttributes)!.activityTaskScheduledEventAttributes!.activityType.name = 'somethingElse';
  await expect(replay(recorded)).rejects.toThrow(/nondeterminism|determinism/i);
});

test('no history tells of a secret or of the machine it was recorded on', () => {
  for (const name of files) {
    const text = readFileSync(path.join(folder, name), 'utf8');
    const payloads = [...text.matchAll(/"data":"([^"]*)"/g)].map(([, data]) => Buffer.from(data!, 'base64').toString('utf8')).join('\n');
    expect(`${text}\n${payloads}`).not.toMatch(/\/tmp\/|\/work\/|postgres:\/\/[^"]*:[^"]*@/);
  }
});
