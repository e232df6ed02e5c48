import { WorkflowFailedError, type Client, type WorkflowExecutionInfo } from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { optionalDateToTs, requiredTsToDate } from '@temporalio/common/lib/time';
import type { Environment } from '../../config/environment';
import { ConfigurationError } from '../../domain/errors';
import { pipelineBusyType } from '../../domain/failure';
import type { ScheduledRun } from '../../domain/instants';
import { scheduleIdOf, wholeSeconds } from '../../domain/schedule';
import { readReceipts } from '../receipts';

const scheduledStart = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** How many instants the server lists at a time, and how many are accounted for at most. */
const page = 1000;
const most = 10_000;

/** All times at which a schedule is due, by the server's own reckoning: time zones, daylight saving and all. Both ends count. */
export async function matchingTimes(client: Client, pipeline: string, from: Date, to: Date): Promise<readonly string[]> {
  const found: string[] = [];
  // The server lists what comes after the start it is given.
  for (let start = new Date(from.getTime() - 1000); start <= to && found.length <= most;) {
    const { startTime } = await client.workflowService.listScheduleMatchingTimes({ namespace: client.options.namespace, scheduleId: scheduleIdOf(pipeline), startTime: optionalDateToTs(start)!, endTime: optionalDateToTs(to)! });
    found.push(...startTime.map((time) => wholeSeconds(requiredTsToDate(time, 'startTime'))));
    if (startTime.length < page) return found;
    start = new Date(found.at(-1)!);
  }
  if (found.length <= most) return found;
  throw new ConfigurationError(`listing the instants of "${pipeline}": there are more than ${most} from ${wholeSeconds(from)} to ${wholeSeconds(to)}; name a shorter range with --from and --to`, { pipeline });
}

/** Runs that the schedule started since `from`, of Temporal and, where its history is gone, of receipts. */
export async function scheduledRuns(client: Client, environment: Environment, pipeline: string, from: Date): Promise<readonly ScheduledRun[]> {
  const found = new Map<string, ScheduledRun>();
  for (const { run, state, finishedAt } of await readReceipts(environment, pipeline)) {
    if (!run.backfill && run.logicalDate >= wholeSeconds(from)) found.set(run.workflowId, { runId: run.workflowId, nominal: run.logicalDate, startedAt: run.startedAt, endedAt: finishedAt, state });
  }
  const query = `TemporalScheduledById = "${scheduleIdOf(pipeline)}" AND TemporalScheduledStartTime >= "${from.toISOString()}"`;
  for await (const info of client.workflow.list({ query })) {
    const nominal = info.typedSearchAttributes.get(scheduledStart);
    if (!nominal) continue;
    const receipt = found.get(info.workflowId);
    // A repeated instant is one instant: the newest execution says how it stands.
    if (receipt && receipt.startedAt > info.startTime.toISOString()) continue;
    found.set(info.workflowId, {
      runId: info.workflowId, nominal: wholeSeconds(nominal), startedAt: info.startTime.toISOString(), endedAt: info.closeTime?.toISOString() ?? null,
      state: info.status.name === 'COMPLETED' && receipt ? receipt.state : await stateOf(client, info),
    });
  }
  return [...found.values()];
}

async function stateOf(client: Client, info: WorkflowExecutionInfo): Promise<string> {
  switch (info.status.name) {
    case 'COMPLETED': return 'succeeded';
    case 'RUNNING': return 'running';
    case 'FAILED': return (await wasRefused(client, info)) ? 'refused' : 'failed';
    default: return info.status.name.toLowerCase().replace(/_/g, ' ');
  }
}

/** It found the pipeline's lock taken, and the overlap says skip. */
const wasRefused = (client: Client, { workflowId, runId }: WorkflowExecutionInfo): Promise<boolean> =>
  client.workflow.getHandle(workflowId, runId).result().then(() => false, (error: unknown) => error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure && error.cause.type === pipelineBusyType);
