import type { Client } from '@temporalio/client';

/** A worker's poll waits for a minute at most; one that has not polled for longer is gone. */
const pollsWithin = 75_000;
/** Of Temporal's enumeration of task queue types. */
const workflowTasks = 1;

/** `no worker polls task queue "millrace.ab12cd34", …`, where that is why a run or a stream of it does not move. Null: there are workers, and they go on. */
export async function missingWorker(client: Client, runId: string): Promise<string | null> {
  const described = await client.workflow.getHandle(runId).describe().catch(() => null);
  if (!described) return null;
  const { memo, taskQueue, raw } = described;
  const staging = typeof memo?.['queue'] === 'string' ? memo['queue'] : null;
  for (const queue of new Set([taskQueue, ...(staging === null ? [] : [staging])])) {
    if (await hasWorker(client, queue)) continue;
    const worker = typeof memo?.['worker'] === 'string' ? ` (${memo['worker']})` : '';
    return queue === staging
      ? `no worker polls task queue "${queue}", which serves the staging folder of this run${worker}; start "millrace worker" there`
      : `no worker polls task queue "${queue}"; start "millrace worker" or "millrace dev"`;
  }
  return Number(raw.pendingWorkflowTask?.attempt ?? 0) > fewFailures ? failing(client, runId) : null;
}

/** A worker that stops in the middle fails a task once or twice; more is a defect, or a run of another version. */
const fewFailures = 3;

/** Workers are there and cannot go on with it: its steps, as recorded, are not what their version does. */
async function failing({ connection, options }: Client, runId: string): Promise<string> {
  const { history } = await connection.workflowService.getWorkflowExecutionHistoryReverse({ namespace: options.namespace, execution: { workflowId: runId }, maximumPageSize: 20 });
  const failure = history?.events?.find(({ workflowTaskFailedEventAttributes: failed }) => failed)?.workflowTaskFailedEventAttributes?.failure?.message;
  return `workers are there and cannot go on with it${failure ? ` (${failure})` : ''}: it may have been begun by another version of Millrace; start a worker of that version, or end the run with "millrace cancel ${runId} --now"`;
}

async function hasWorker({ connection, options }: Client, queue: string): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({ namespace: options.namespace, taskQueue: { name: queue }, taskQueueType: workflowTasks });
  return pollers.some(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < pollsWithin);
}
