import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { diskFull, EtlError } from '../domain/errors';
import { withinBudget, type ProgressBudget } from './no-progress';
import { interruptedType, type FailureDetail } from '../domain/failure';

/** Failed attempts without progress, for how long, until a person is asked. */
const patientBudget: ProgressBudget = { attempts: 10, milliseconds: 3_600_000 };

/** The one place where errors become Temporal failures. */
export const failureInterceptor = (budget: ProgressBudget = patientBudget): ActivityInboundCallsInterceptor => ({
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    const context = Context.current();
    try {
      return await next(input);
    } catch (error) {
      throw asFailure(withinBudget(diskFull(error) ?? error, context, budget), context);
    }
  },
});

function asFailure(error: unknown, context: Context): unknown {
  if (context.cancellationSignal.aborted && !EtlError.is(error)) return interrupted(error, context);
  if (EtlError.is(error)) {
    const detail: FailureDetail = { disposition: error.disposition, area: error.area, name: error.name };
    return ApplicationFailure.create({ message: error.message, type: error.name, nonRetryable: error.disposition !== 'retry', details: [detail], ...(error.retryAfter !== undefined && { nextRetryDelay: error.retryAfter }) });
  }
  return error;
}

/** A person's cancel ends the attempt; anything else (shutdown, pause, reset, a lost worker) lets it start again at once. */
function interrupted(error: unknown, context: Context): unknown {
  const details = context.cancellationDetails;
  if (details?.cancelRequested) return new CancelledFailure('stopped as asked');
  if (details?.workerShutdown || details?.paused || details?.reset || details?.notFound || details?.timedOut) {
    return ApplicationFailure.create({ type: interruptedType, message: 'stopped before it was done; it starts again', nextRetryDelay: '1s', category: ApplicationFailureCategory.BENIGN });
  }
  return error;
}
