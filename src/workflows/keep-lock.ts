import { condition, isCancellation } from '@temporalio/workflow';
import { backOff } from './backoff';
import { pause, resume } from './messages';
import type { PipelineLock } from './pipeline-lock';
import type { Run } from './run';

/**
 * A run whose lock was ended from outside takes it again at once. Where another run has it by then, this one holds still, since
 * two must not load side by side, and goes on when the lock is free. Ends with the workflow.
 */
export function keepLock(lock: PipelineLock, run: Run): void {
  const { streams } = run;
  const keep = async (): Promise<void> => {
    for (;;) {
      await condition(() => lock.lost());
      if (await lock.reclaim()) continue;
      run.enter('held', 'its lock was ended from outside and another run of the pipeline holds it now; this one goes on when that has ended, or give it up with "millrace cancel RUN"');
      await streams.tell(streams.going(), (child, order) => child.signal(pause, { order }));
      for (let times = 0; !(await lock.reclaim()); times += 1) await backOff(times, 'waiting for the pipeline\'s lock');
      run.enter('running');
      if (!streams.paused) await streams.tell(streams.going(), (child, order) => child.signal(resume, { order }));
    }
  };
  keep().catch((error: unknown) => { if (!isCancellation(error)) throw error; });
}
