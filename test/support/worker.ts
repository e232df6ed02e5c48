import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { KillPoint } from '../../src/domain/control';
import type { RunSummary } from '../../src/domain/receipt';
import type { VerifyReport } from '../../src/domain/verify-report';
import { eventually, temporalAddress } from './temporal';

/** A place in the built files that a mutant changes: every `find` in `lib/<file>` becomes `put`. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** `load:after-commit#3#SIGSTOP`: at the third arrival the process is halted instead of killed. */
export type KillAt = KillPoint | `${KillPoint}#${number}` | `${KillPoint}#${number}#SIGSTOP`;

export interface PlaceOptions {
  /** Temporal's; another one stands for a second Temporal server: it has pipeline locks of its own. */
  readonly namespace?: string;
  /** Of another Temporal server than that of all tests. */
  readonly address?: string;
  /** Of workers: mutants. */
  readonly patches?: readonly Patch[];
  /** Of another place, whose workers and these then serve the same runs. */
  readonly taskQueue?: string;
  /** Of another installation, which goes on to own it. */
  readonly home?: string;
  /** More variables for the workers. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** A home with staging and connections, workers as processes that can be killed, and a client: a small installation. */
export interface Installation {
  readonly home: string;
  readonly client: Client;
  readonly taskQueue: string;
  readonly connectionsFile: string;
  startWorker(killAt?: KillAt): Promise<ChildProcess>;
  /** Loads a worker that the next `startWorker` only has to wake. */
  prepareWorker(): void;
  /** Starts a run of a pipeline given as YAML. */
  start(yaml: string, logicalDate?: string, more?: { readonly whenHeld?: 'refuse' | 'queue' }): Promise<WorkflowHandle>;
  /** Starts and waits; a failed run gives its summary too. */
  run(yaml: string, logicalDate?: string, more?: { readonly gaps?: boolean; readonly searchAttributes?: boolean; readonly allowDestructive?: boolean }): Promise<RunSummary>;
  /** `millrace verify`, asked of the worker. */
  verify(run: string, source?: boolean): Promise<VerifyReport>;
  close(): Promise<void>;
}

let days = 0;
/** A later instant each time: runs of a test follow one another. */
export const nextDate = (): string => new Date(Date.UTC(2026, 6, 1 + days++)).toISOString().replace('.000Z', 'Z');

export async function install(connections: string, { namespace = 'default', address = temporalAddress(), patches = [], variables = {}, taskQueue = `test_${randomBytes(6).toString('hex')}`, home: shared }: PlaceOptions = {}): Promise<Installation> {
  const home = shared ?? mkdtempSync(path.join(tmpdir(), 'millrace home '));
  const connectionsFile = path.join(home, 'connections.yaml');
  writeFileSync(connectionsFile, connections);
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  const workers = new Set<ChildProcess>();
  const prepared: ChildProcess[] = [];

  const start = async (yaml: string, logicalDate = nextDate(), more: { readonly gaps?: boolean; readonly whenHeld?: 'refuse' | 'queue' } = {}): Promise<WorkflowHandle> => {
    const spec = parsePipeline(yaml, 'test.yaml');
    return client.workflow.start('runPipeline', {
      taskQueue, workflowId: `${spec.pipeline}/run-${logicalDate}`, args: [{ spec, logicalDate, connectionsFile, whenHeld: 'refuse', allowDestructive: false, ...more }],
    });
  };

  const load = (): ChildProcess => {
    const child = spawn(process.execPath, [path.resolve(__dirname, 'worker-process.js')], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '16', MILLRACE_TEST_PATCHES: JSON.stringify(patches) },
    });
    child.stdin.on('error', () => undefined);
    workers.add(child);
    child.once('exit', () => workers.delete(child));
    return child;
  };

  return {
    home, client, taskQueue, connectionsFile, start,
    prepareWorker: () => void prepared.push(load()),
    async startWorker(killAt) {
      const child = prepared.shift() ?? load();
      let errors = '';
      child.stderr!.on('data', (chunk) => { errors += chunk; });
      const ready = new Promise<void>((resolve, reject) => {
        child.stdout!.on('data', (chunk) => { if (String(chunk).includes('"ready":true')) resolve(); });
        child.once('exit', (code) => {
          // Nobody waits for it any more: without this line a test would wait in vain and not tell why.
          if (code) process.stderr.write(`a worker ended by itself with ${code}: ${errors}\n`);
          reject(new Error(`the worker ended with ${code}: ${errors}`));
        });
      });
      child.stdin!.write(`${JSON.stringify({
        TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, MILLRACE_HOME: home, MILLRACE_TASK_QUEUE: taskQueue, MILLRACE_HEARTBEAT_TIMEOUT: '1500ms', ...variables, ...(killAt && { MILLRACE_KILL_AT: killAt }),
      })}\n`);
      await ready;
      return child;
    },
    async run(yaml, logicalDate, more) {
      const handle = await start(yaml, logicalDate, more);
      return summaryOf(handle);
    },
    verify: (word, source = false) => client.workflow.execute('verifyRun', { taskQueue, workflowId: `verify/${randomBytes(6).toString('hex')}`, args: [{ word, source }] }) as Promise<VerifyReport>,
    async close() {
      await Promise.all([...workers].map((child) => new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        if (prepared.includes(child)) child.stdin!.end();
        else child.kill('SIGTERM');
        child.kill('SIGCONT');
      })));
      await connection.close();
      if (!shared) await rm(home, { recursive: true, force: true });
    },
  };
}

/** Kills at once, and returns when the process is gone. */
export async function killNow(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const gone = once(worker, 'exit');
  worker.kill('SIGKILL');
  await gone;
}

/** The worker has halted itself at its kill point. */
export const halted = (worker: ChildProcess): Promise<boolean> =>
  eventually(async () => /^\d+ \(.*\) T /.test(readFileSync(`/proc/${worker.pid}/stat`, 'utf8')), 'the worker to halt', 60);

/** The worker has printed the words. */
export const said = (worker: ChildProcess, words: string): Promise<void> => new Promise((resolve) => {
  worker.stdout!.on('data', (chunk) => { if (String(chunk).includes(words)) resolve(); });
  worker.once('exit', () => resolve());
});
/** The next attempt of the activity in this worker has ended, well or badly. Ask before it can end. */
export const attemptEnded = (worker: ChildProcess, activity: string): Promise<void> => said(worker, `{"ended":"${activity}"`);
/** Nothing runs in this worker any more. */
export const activitiesEnded = (worker: ChildProcess): Promise<void> => said(worker, '"running":0}');

export async function summaryOf(handle: WorkflowHandle): Promise<RunSummary> {
  try {
    return await handle.result() as RunSummary;
  } catch (error) {
    const details = (error as { cause?: { details?: unknown[] } }).cause?.details;
    if (details?.[0]) return details[0] as RunSummary;
    const summary = (await handle.describe()).memo?.['summary'];
    if (summary) return summary as RunSummary;
    throw error;
  }
}
