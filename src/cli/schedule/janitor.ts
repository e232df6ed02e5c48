import { ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client';
import type { Environment } from '../../config/environment';
import { janitorOf } from '../clean';
import { needServer } from '../connect';
import { exitCodes, type ExitCode } from '../exit-codes';
import type { Terminal } from '../terminal';
import { spokenInstant } from './spoken';

/** Once a day at a quiet hour; a visit that was missed is made up for by the next. */
const nightly = { spec: { cronExpressions: ['17 3 * * *'], timezone: 'UTC', jitter: 600_000 }, policies: { overlap: 'SKIP', catchupWindow: 3_600_000, pauseOnFailure: false } } as const;

/** `schedule apply --janitor`: `clean` once a day for the staging of this home. Said again, nothing changes; with `off` it is taken away. */
export async function applyJanitor(off: boolean, environment: Environment, terminal: Terminal): Promise<ExitCode> {
  const server = await needServer(environment);
  try {
    const { scheduleId, queue } = await janitorOf(environment);
    const handle = server.client.schedule.getHandle(scheduleId);
    const there = await handle.describe().catch((error: unknown) => {
      if (error instanceof ScheduleNotFoundError) return null;
      throw error;
    });
    if (off && there) await handle.delete();
    const options: ScheduleOptions = {
      scheduleId, spec: { ...nightly.spec, cronExpressions: [...nightly.spec.cronExpressions] }, policies: nightly.policies,
      action: { type: 'startWorkflow', workflowType: 'cleanUp', workflowId: scheduleId, taskQueue: queue, args: [{ dryRun: false }], staticSummary: 'clean' },
    };
    if (!off && !there) await server.client.schedule.create(options);
    const what = off ? (there ? 'deleted' : 'not there') : there ? 'unchanged' : 'created';
    const [next] = off ? [] : (await handle.describe()).info.nextActionTimes;
    terminal.event('applied', { schedule: scheduleId, what });
    terminal.say(`schedule ${scheduleId}: ${what}${next ? `; "millrace clean" runs by itself each night, next ${spokenInstant(next)}` : ''}`);
    return exitCodes.success;
  } finally {
    await server.close();
  }
}
