import { noTotals } from '../../src/domain/balance';
import type { RunSummary, StreamSummary } from '../../src/domain/receipt';

export const streamWith = (facts: Partial<StreamSummary>): StreamSummary => ({
  stream: 'orders', to: 'orders', state: 'succeeded', totals: noTotals, lines: [], batches: 1, window: null, checks: [], notes: [], deleted: 0, error: null, ...facts,
});

export const summaryWith = (facts: Partial<RunSummary>): RunSummary => ({
  run: { pipeline: 'shop', workflowId: 'shop/run-2026-08-01T00:00:00Z', logicalDate: '2026-08-01T00:00:00Z', generation: 1, executionId: 'e', startedAt: '2026-08-01T00:00:01.000Z' },
  state: 'succeeded', streams: [streamWith({})], totals: noTotals, pipelineHash: 'p', finishedAt: '2026-08-01T00:00:05.000Z', version: '0.1.0', previous: null, hash: 'h', ...facts,
});
