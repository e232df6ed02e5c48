import { randomBytes } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../src/activities/contract';
import { noTotals } from '../../src/domain/balance';
import type { PipelineSpec, StreamSpec } from '../../src/domain/pipeline';
import type { PlanRef } from '../../src/domain/plan';
import type { RunSummary } from '../../src/domain/receipt';
import type { RunPipelineInput, RunProgress } from '../../src/workflows/messages';
import type { TestTemporal } from './temporal';

export interface Probe {
  readonly calls: string[];
  readonly queue: string;
  readonly pipeline: string;
  start(input?: Partial<RunPipelineInput>, logicalDate?: string): Promise<WorkflowHandle>;
}

export const stream = (name: string, more: Partial<StreamSpec> = {}): StreamSpec => ({ stream: name, to: name, steps: [], checks: [], ...more }) as unknown as StreamSpec;

type Fakes = Readonly<Record<string, (input: unknown) => Promise<unknown>>>;

/** One worker for all probes of a test file: each activity asks whose pipeline it is called for. */
const benches = new WeakMap<TestTemporal, Promise<{ readonly queue: string; readonly probes: Map<string, Fakes> }>>();

async function openBench(temporal: TestTemporal) {
  const queue = `probes_${randomBytes(5).toString('hex')}`;
  const probes = new Map<string, Fakes>();
  const dispatch = (name: string) => async (input: { readonly run?: { readonly pipeline: string }; readonly spec?: { readonly pipeline: string } }) =>
    probes.get((input.run ?? input.spec)!.pipeline)![name]!(input);
  await temporal.startWorker(queue, Object.fromEntries(activityNames.map((name) => [name, dispatch(name)])));
  return { queue, probes };
}

const activityNames = ['startRun', 'planStream', 'prepareTarget', 'extractPartition', 'transformBatch', 'transformStream', 'loadBatch', 'checkStream', 'publishStream', 'rereadPartition', 'skipPartition', 'rollbackRun', 'finishRun'] as const satisfies readonly (keyof Activities)[];

/** A pipeline whose activities are fakes: here the workflow is the subject. */
export async function probe(temporal: TestTemporal, overrides: Partial<Activities> = {}, streams: readonly StreamSpec[] = [stream('orders')], partitions = 3, onFailure: 'hold' | 'fail' = 'hold'): Promise<Probe> {
  const pipeline = `probe_${randomBytes(5).toString('hex')}`;
  if (!benches.has(temporal)) benches.set(temporal, openBench(temporal));
  const { queue, probes } = await benches.get(temporal)!;
  const calls: string[] = [];
  const plan: PlanRef = { hash: 'h', partitions, wholeStream: false, estimatedRows: null, window: null, notes: [] };
  const base: Activities = {
    startRun: async ({ workflowId, executionId, startedAt, logicalDate }) => ({ run: { pipeline, workflowId, executionId, startedAt, logicalDate, generation: 1 }, queue, heartbeatTimeout: '5s' }),
    planStream: async () => plan,
    prepareTarget: async () => undefined,
    extractPartition: async () => ({ rows: 10, bytes: 100 }),
    transformBatch: async ({ ordinal }) => ({ id: String(ordinal), rows: 9, read: 10, rejected: 1 }),
    transformStream: async () => ({ id: 'all', rows: 5, read: 27, rejected: 0 }),
    loadBatch: async () => ({ rows: 9 }),
    checkStream: async () => ({ warnings: [] }),
    publishStream: async () => ({ rows: 27 }),
    rereadPartition: async () => undefined,
    skipPartition: async () => undefined,
    rollbackRun: async () => ({ kept: {} }),
    checkConnections: async () => [],
    finishRun: async ({ run, cancelled, outcomes }): Promise<RunSummary> => ({
      run, state: cancelled ? 'cancelled' : outcomes.some(({ state }) => state === 'failed') ? 'failed' : 'succeeded',
      streams: outcomes.map(({ stream: name, error, state }) => ({ stream: name, to: name, state: state === 'published' ? 'succeeded' : state, error, totals: noTotals, lines: [], batches: 0, window: null, checks: [], notes: [], deleted: 0 })),
      totals: noTotals, pipelineHash: '', finishedAt: '', version: '', previous: null, hash: '',
    }),
  };
  probes.set(pipeline, Object.fromEntries(Object.entries({ ...base, ...overrides }).map(([name, activity]) => [name, async (input: { stream?: string; ordinal?: number | 'all' }) => {
    calls.push([name, input.stream, input.ordinal].filter((part) => part !== undefined).join(' '));
    return (activity as (input: unknown) => Promise<unknown>)(input);
  }])) as Fakes);
  const spec = { pipeline, source: 's', destination: 'd', streams, limits: { rejects: null, concurrency: 4 }, onFailure, hash: 'x' } as PipelineSpec;
  return {
    calls, queue, pipeline,
    start: (input = {}, logicalDate = '2026-08-01T00:00:00Z') => temporal.client.workflow.start('runPipeline', {
      workflowId: `${pipeline}/run-${logicalDate}`, taskQueue: queue,
      args: [{ spec, logicalDate, connectionsFile: '/none', whenHeld: 'refuse', allowDestructive: false, ...input }],
    }),
  };
}

export const progressOf = (handle: WorkflowHandle): Promise<RunProgress> => handle.query('progress');
export const failureOf = async (handle: WorkflowHandle): Promise<WorkflowFailedError> => {
  try {
    await handle.result();
  } catch (error) {
    return error as WorkflowFailedError;
  }
  throw new Error('the run succeeded');
};

export const held = (message: string) => ApplicationFailure.create({ message, nonRetryable: true, type: 'SourceHeldError', details: [{ disposition: 'hold', area: 'source', name: 'SourceHeldError' }] });

/** Blocks until aborted or released, as a long COPY does. */
export function blockable() {
  const waiting: (() => void)[] = [];
  return {
    get waiting() { return waiting.length; },
    release: () => waiting.splice(0).forEach((go) => go()),
    async wait(): Promise<void> {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      try {
        await Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), context.cancelled]);
      } finally {
        clearInterval(beat);
      }
    },
  };
}
