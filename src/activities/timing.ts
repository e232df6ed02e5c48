import { Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import type { RunRef } from '../domain/ids';
import { recordTiming } from '../stores/timings';
import type { StagingStore } from '../stores/staging';

/** Notes when an activity of a run began and ended, and tells the run which attempt it was. A note that cannot be written is not worth failing for. */
export const timingInterceptor = (stagingOf: (input: unknown) => Promise<StagingStore>): ActivityInboundCallsInterceptor => ({
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const { info } = Context.current();
    const startedAt = new Date().toISOString();
    const result = await next(input);
    const given = input.args[0] as { readonly run?: RunRef; readonly stream?: string; readonly ordinal?: number | 'all' } | undefined;
    if (given?.run) {
      const number = (name: 'rows' | 'bytes'): number | null => {
        const value = isMap(result) ? result[name] : null;
        return typeof value === 'number' ? value : null;
      };
      await stagingOf(given).then((staging) => recordTiming(staging, given.run!, info.activityId, {
        activity: info.activityType, stream: given.stream ?? null, part: given.ordinal ?? null, attempt: info.attempt,
        scheduledAt: new Date(info.scheduledTimestampMs).toISOString(), startedAt, finishedAt: new Date().toISOString(), rows: number('rows'), bytes: number('bytes'),
      })).catch(() => undefined);
    }
    return given?.run && info.attempt > 1 && isMap(result) ? { ...result, attempt: info.attempt } : result;
  },
});

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
