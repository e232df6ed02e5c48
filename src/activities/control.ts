import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';
import type { Control, KillPoint } from '../domain/control';
import { effortOf, recordEffort, type Effort } from './no-progress';

/** Small, named and versioned: shown in the Web UI under the pending activity. */
interface Beat extends Effort {
  readonly v: 1;
  readonly rows: number;
  readonly bytes: number;
}

/** A second; faster where the timeout is so short that a late beat would end the attempt. */
const beatEvery = ({ info }: Context): number => Math.min(1000, (info.heartbeatTimeoutMs ?? 30_000) / 5);

/** Runs `work` with a heartbeat on a timer, since a COPY or a query may be silent for minutes. */
export async function withControl<Result>(reached: (point: KillPoint) => void, work: (control: Control) => Promise<Result>): Promise<Result> {
  // Listeners and timers run outside the activity's async context, so it is captured here.
  const context = Context.current();
  // Sessions and streams of one activity all listen to its one signal.
  setMaxListeners(200, context.cancellationSignal);
  let beat: Beat = { v: 1, rows: 0, bytes: 0, ...effortOf(context) };
  const timer = setInterval(() => context.heartbeat(beat), beatEvery(context));
  context.heartbeat(beat);
  try {
    return await work({
      signal: context.cancellationSignal,
      progress: (figures) => { beat = { ...beat, ...figures }; },
      reached,
    });
  } catch (error) {
    recordEffort(context, beat);
    throw error;
  } finally {
    clearInterval(timer);
  }
}
