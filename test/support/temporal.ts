import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';

let installed = false;
function quietRuntime(): void {
  if (!installed) Runtime.install({ logger: new DefaultLogger('ERROR') });
  installed = true;
}

/** Address of the server that the test set-up started, or that MILLRACE_TEST_TEMPORAL names. */
export function temporalAddress(): string {
  const address = process.env['MILLRACE_TEST_TEMPORAL'];
  if (!address) throw new Error('MILLRACE_TEST_TEMPORAL is not set; the tests are started by "npm test"');
  return address;
}

export interface TestTemporal {
  readonly client: Client;
  /** A worker on the given queue, with the workflow bundle of the build; stopped by `close`. */
  startWorker(taskQueue: string, activities: object, options?: Partial<WorkerOptions>): Promise<void>;
  close(): Promise<void>;
}

export async function openTemporal(): Promise<TestTemporal> {
  quietRuntime();
  const connection = await Connection.connect({ address: temporalAddress() });
  const native = await NativeConnection.connect({ address: temporalAddress() });
  const running: { worker: Worker; end: Promise<void> }[] = [];
  return {
    client: new Client({ connection }),
    async startWorker(taskQueue, activities, options = {}) {
      const worker = await Worker.create({
        connection: native, taskQueue, activities,
        workflowBundle: { codePath: path.resolve(__dirname, '../../lib/workflow-bundle.js') },
        maxHeartbeatThrottleInterval: '200ms', shutdownForceTime: '5s', shutdownGraceTime: 0, ...options,
      });
      running.push({ worker, end: worker.run() });
    },
    async close() {
      for (const { worker } of running) worker.shutdown();
      await Promise.all(running.map(({ end }) => end));
      await native.close();
      await connection.close();
    },
  };
}

/** Ids of the workflows that a query of the server's list finds; the list lags behind by moments. */
export async function workflowsOf(client: Client, query: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  return ids;
}

/** Asks until the answer is there; the deadline is a safety net, not a measure. */
export async function eventually<Result>(ask: () => Promise<Result | undefined | null | false>, what: string, seconds = 30): Promise<Result> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
