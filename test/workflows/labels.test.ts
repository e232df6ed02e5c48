import { randomBytes } from 'node:crypto';
import { Connection, Client } from '@temporalio/client';
import { offerSearchAttributes } from '../../src/cli/search-attributes';
import { noTotals } from '../../src/domain/balance';
import type { RunSummary } from '../../src/domain/receipt';
import { probe, progressOf } from '../support/probe';
import { eventually, openTemporal, temporalAddress, type TestTemporal } from '../support/temporal';

let temporal: TestTemporal;
beforeAll(async () => { temporal = await openTemporal(); });
afterAll(() => temporal.close());

const silent = { warn: () => undefined };

test('runs with rejects this week are one query', async () => {
  expect(await offerSearchAttributes(temporal.client, silent)).toEqual({ searchAttributes: true });
  const ending = (rejected: number) => ({ finishRun: async ({ run }: { run: RunSummary['run'] }) => ({
    run, state: rejected > 0 ? 'succeeded_with_rejects' : 'succeeded', streams: [], totals: { ...noTotals, read: 30, loaded: 30 - rejected, rejected }, pipelineHash: '', finishedAt: '', version: '', previous: null, hash: '',
  }) as RunSummary });
  const [bad, good] = [await probe(temporal, ending(3)), await probe(temporal, ending(0))];
  for (const one of [bad, good]) await (await one.start({ searchAttributes: true })).result();
  const week = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const found = async () => {
    const ids: string[] = [];
    for await (const { workflowId } of temporal.client.workflow.list({ query: `WorkflowType = "runPipeline" AND MillraceRejects > 0 AND CloseTime > "${week}"` })) ids.push(workflowId);
    return ids;
  };
  const ids = await eventually(async () => { const all = await found(); return all.some((id) => id.startsWith(bad.pipeline)) ? all : null; }, 'the run is listed');
  expect(ids.some((id) => id.startsWith(good.pipeline))).toBe(false);
  const streams: string[] = [];
  for await (const { workflowId } of temporal.client.workflow.list({ query: `MillraceStream = "orders" AND MillracePipeline = "${bad.pipeline}"` })) streams.push(workflowId);
  expect(streams).toEqual([`${bad.pipeline}/run-2026-08-01T00:00:00Z/orders`]);
});

test('a run shows its state, its balance and its worker in the Web UI', async () => {
  const one = await probe(temporal, { checkStream: async () => ({ warnings: [], approval: ['check "row_count": too few'] }) });
  const handle = await one.start({ searchAttributes: true });
  await eventually(async () => (await progressOf(handle)).state === 'waiting_approval', 'it waits');
  const details = async () => (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '';
  expect(await details()).toMatch(/^\*\*probe_\w+\*\*: waiting approval\n- \*\*orders\*\*: waiting approval: checking stream "orders": check "row_count": too few/);
  const child = temporal.client.workflow.getHandle(`${handle.workflowId}/orders`);
  expect((await child.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails).toMatch(/3 of 3 partitions\n- 30 read, 27 transformed, 27 loaded, \*\*3 rejected\*\*\n- waits: /);
  await eventually(async () => {
    for await (const { workflowId } of temporal.client.workflow.list({ query: `MillraceState = "waiting_approval" AND MillracePipeline = "${one.pipeline}"` })) if (workflowId === handle.workflowId) return true;
    return false;
  }, 'the state is listed');
  await handle.executeUpdate('approve', { args: [{}] as [unknown] });
  await eventually(async () => (await handle.describe()).status.name === 'COMPLETED', 'the run ends');
});

test('a run works on a server without the search attributes', async () => {
  const namespace = `bare-${randomBytes(4).toString('hex')}`;
  const connection = await Connection.connect({ address: temporalAddress() });
  const client = new Client({ connection, namespace });
  const said: string[] = [];
  // Nothing may be registered in a namespace that is not there; so it is with one that forbids it.
  expect(await offerSearchAttributes(client, { warn: (text) => { said.push(text); } })).toEqual({ searchAttributes: false });
  expect(said[0]).toContain('temporal operator search-attribute create --name MillracePipeline --type Keyword');
  await connection.close();
  const summary = await (await (await probe(temporal)).start({ searchAttributes: false })).result() as RunSummary;
  expect(summary.state).toBe('succeeded');
});
