import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/contract';
import type { SeeingActivities } from '../activities/seeing-contract';

/** In tests, a killed worker must be noticed in seconds; the value travels in by the bundle's caller, see `heartbeatTimeout` in config. */
const common: ActivityOptions = {
  // Attempts are unlimited and there is no schedule-to-close: outages, pauses and deployments must not end a run. What cannot
  // succeed is told apart by its failure type, not by counting.
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  // A cancelled activity must have left the destination and its files before the workflow goes on.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
};

/** Work on rows: hours are fine as long as it heartbeats. A dead worker is noticed after the heartbeat timeout. */
export const working = (heartbeatTimeout: ActivityOptions['heartbeatTimeout']): ActivityOptions => ({ ...common, startToCloseTimeout: '24h', heartbeatTimeout: heartbeatTimeout! });
/** Book-keeping in staging: seconds. */
export const brief: ActivityOptions = { ...common, startToCloseTimeout: '5m' };

/** A person waits in front of it: what does not go at once is told, not tried for hours. */
export const looking = () => proxyActivities<SeeingActivities>({ ...common, startToCloseTimeout: '2m', heartbeatTimeout: '10s', retry: { maximumAttempts: 2 } });

/** Reads every row of a run again: as long as it takes, while a person waits, so what fails is told and not tried for hours. */
export const comparing = () => proxyActivities<SeeingActivities>({ ...common, startToCloseTimeout: '24h', heartbeatTimeout: '30s', retry: { maximumAttempts: 3 } });

export const activitiesWith = (options: ActivityOptions) => proxyActivities<Activities>(options);
