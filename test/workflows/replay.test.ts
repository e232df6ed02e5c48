import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from '@temporalio/worker';

/** Histories of real runs, replayed against the workflows of today: a run that goes on over a deployment must decide as it did. */
const folder = path.resolve(__dirname, '../histories');
const workflowBundle = { codePath: path.resolve(__dirname, '../../lib/workflow-bundle.js') };
const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as { readonly workflowId: string; readonly history: { readonly events: readonly { readonly eventType: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[] } };
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are histories of runs, streams, pauses, holds and continued streams', () => {
  expect(names.length).toBeGreaterThan(5);
});

test.each(names)('replays %s', async (name) => {
  const { workflowId, history } = read(name);
  await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
});

test('a workflow that decides otherwise does not replay', async () => {
  const { workflowId, history } = read(names.find((name) => name.includes('loadStream'))!);
  const planned = history.events.find((event) => event.activityTaskScheduledEventAttributes?.activityType.name === 'planStream')!;
  planned.activityTaskScheduledEventAttributes!.activityType.name = 'guessStream';
  await expect(Worker.runReplayHistory({ workflowBundle }, history, workflowId)).rejects.toThrow(/Nondeterminism|TMPRL1100/i);
});
