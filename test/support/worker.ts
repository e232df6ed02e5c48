import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { KillPoint } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import { temporalAddress } from './temporal';

/** A home with staging and connections, workers as processes that can be killed, and a client: a small installation. */
export interface Installation {
  readonly home: string;
  readonly client: Client;
  startWorker(killAt?: KillPoint | `${KillPoint}#${number}` | `${KillPoint}#${number}#SIGSTOP`): Promise<ChildProcess>;
  /** Starts a run of a pipeline given as YAML. */
  start(yaml: string, logicalDate?: string): Promise<WorkflowHandle>;
  /** Starts and waits; a failed run gives its summary too. */
  run(yaml: string, logicalDate?: string): Promise<RunSummary>;
  close(): Promise<void>;
}

let days = 0;
/** A later instant each time: runs of a test follow one another. */
export const nextDate = (): string => new Date(Date.UTC(2026, 6, 1 + days++)).toISOString().replace('.000Z', 'Z');

/** @param namespace Temporal's; another one stands for a second Temporal server: it has pipeline locks of its own. */
export async function install(connections: string, namespace = 'default'): Promise<Installation> {
  const home = mkdtempSync(path.join(tmpdir(), 'millrace home '));
  const connectionsFile = path.join(home, 'connections.yaml');
  writeFileSync(connectionsFile, connections);
  const taskQueue = `test_${randomBytes(6).toString('hex')}`;
  const connection = await Connection.connect({ address: temporalAddress() });
  const client = new Client({ connection, namespace });
  const workers = new Set<ChildProcess>();

  const start = async (yaml: string, logicalDate = nextDate()): Promise<WorkflowHandle> => {
    const spec = parsePipeline(yaml, 'test.yaml');
    return client.workflow.start('runPipeline', {
      taskQueue, workflowId: `${spec.pipeline}/run-${logicalDate}`, args: [{ spec, logicalDate, connectionsFile, whenHeld: 'refuse', allowDestructive: false }],
    });
  };

  return {
    home, client, start,
    async startWorker(killAt) {
      const child = spawn(process.execPath, [path.resolve(__dirname, '../../lib/worker.js')], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, UV_THREADPOOL_SIZE: '16', TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_NAMESPACE: namespace, MILLRACE_HOME: home, MILLRACE_TASK_QUEUE: taskQueue, MILLRACE_HEARTBEAT_TIMEOUT: '3s', ...(killAt && { MILLRACE_KILL_AT: killAt }) },
      });
      workers.add(child);
      let said = '';
      child.stderr.on('data', (chunk) => { said += chunk; });
      child.once('exit', () => workers.delete(child));
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk) => { if (String(chunk).includes('"ready":true')) resolve(); });
        child.once('exit', (code) => reject(new Error(`the worker ended with ${code}: ${said}`)));
      });
      return child;
    },
    async run(yaml, logicalDate) {
      const handle = await start(yaml, logicalDate);
      return summaryOf(handle);
    },
    async close() {
      await Promise.all([...workers].map((child) => new Promise<void>((resolve) => { child.once('exit', () => resolve()); child.kill('SIGTERM'); child.kill('SIGCONT'); })));
      await connection.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export async function summaryOf(handle: WorkflowHandle): Promise<RunSummary> {
  try {
    return await handle.result() as RunSummary;
  } catch (error) {
    const details = (error as { cause?: { details?: unknown[] } }).cause?.details;
    if (details?.[0]) return details[0] as RunSummary;
    throw error;
  }
}
