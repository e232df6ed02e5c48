import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hashOf, receiptProblems } from '../../src/activities/receipt-chain';
import { canonicalJson } from '../../src/domain/json';
import type { RunSummary } from '../../src/domain/receipt';
import { openLocalStaging } from '../../src/stores/local-staging';
import { appendToChain, lastHash } from '../../src/stores/receipts';
import type { StagingStore } from '../../src/stores/staging';

/** Receipts of a pipeline hang together by hash: none can be changed, lost or slipped in unseen (semantics 10). */
let folder: string;
let staging: StagingStore;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace chain '));
  staging = await openLocalStaging(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keyOf = (pipeline: string, day: number): string => `${pipeline}/run-2026080${day}T000000Z/receipt.json`;
async function end(pipeline: string, day: number, previous?: string | null): Promise<RunSummary> {
  const facts = { run: { pipeline, workflowId: `${pipeline}/run-2026-08-0${day}T00:00:00Z` }, state: 'succeeded', streams: [], previous: previous === undefined ? await lastHash(staging, pipeline) : previous };
  const receipt = { ...facts, hash: hashOf(facts) } as unknown as RunSummary;
  await staging.putIfAbsent(keyOf(pipeline, day), canonicalJson(receipt));
  await appendToChain(staging, pipeline, { hash: receipt.hash, receipt: keyOf(pipeline, day) });
  return receipt;
}
async function three(pipeline = 'orders'): Promise<readonly [RunSummary, RunSummary, RunSummary]> {
  return [await end(pipeline, 1), await end(pipeline, 2), await end(pipeline, 3)];
}
const at = (key: string): string => path.join(folder, key);
const link = (number: number): string => at(`orders/chain/0000000${number}.json`);
const rewrite = (file: string, change: (text: string) => string): void => writeFileSync(file, change(readFileSync(file, 'utf8')));
/** As somebody would who knows how the hash is made. */
function forge(day: number): string {
  const { hash: _hash, ...content } = JSON.parse(readFileSync(at(keyOf('orders', day)), 'utf8')) as RunSummary;
  const forged = { ...content, state: 'failed' as const };
  writeFileSync(at(keyOf('orders', day)), canonicalJson({ ...forged, hash: hashOf(forged) }));
  return hashOf(forged);
}

test('a chain that nobody touched is whole, from whichever receipt it is looked at', async () => {
  for (const receipt of await three()) expect(await receiptProblems(staging, receipt)).toEqual([]);
});

test.each<[string, () => void, RegExp]>([
  ['a receipt that was changed', () => rewrite(at(keyOf('orders', 2)), (text) => text.replace('succeeded', 'failed')), /^"orders\/run-20260802T000000Z\/receipt.json" was changed/],
  ['a receipt that was changed with its hash', () => void forge(2), /^"orders\/run-20260802T000000Z\/receipt.json" was changed/],
  ['a receipt that was changed with its hash and its link', () => { const hash = forge(2); rewrite(link(2), (text) => text.replace(/"hash":"\w+"/, `"hash":"${hash}"`)); }, /^"orders\/run-20260803T000000Z\/receipt.json" follows a receipt that the chain does not have/],
  ['a receipt that is no JSON any more', () => writeFileSync(at(keyOf('orders', 2)), '{'), /^"orders\/run-20260802T000000Z\/receipt.json" cannot be read/],
  ['a receipt that was lost', () => rmSync(at(keyOf('orders', 2))), /^"orders\/run-20260802T000000Z\/receipt.json" is gone/],
  ['a link that was lost', () => rmSync(link(2)), /^1 links before "orders\/chain\/00000003.json" are gone/],
  ['a link that was lost and the next put in its place', () => { writeFileSync(link(2), readFileSync(link(3))); rmSync(link(3)); }, /follows a receipt that the chain does not have/],
])('finds %s, also from another receipt', async (_what, tamper, says) => {
  const [first, , third] = await three();
  tamper();
  for (const receipt of [first, third]) expect((await receiptProblems(staging, receipt))[0]).toMatch(says);
});

test('a receipt of its own making is not in the chain', async () => {
  await three();
  const facts = { run: { pipeline: 'orders' }, previous: null };
  expect(await receiptProblems(staging, { ...facts, hash: hashOf(facts) } as unknown as RunSummary)).toEqual(['the pipeline\'s chain of receipts does not have it']);
});

test('a second visit appends nothing, and two ends at one moment take one place each', async () => {
  const [first] = await three();
  await appendToChain(staging, 'orders', { hash: first.hash, receipt: keyOf('orders', 1) });
  const last = await lastHash(staging, 'orders');
  const both = await Promise.all([end('orders', 4, last), end('orders', 5, last)]);
  expect(await staging.list('orders/chain')).toHaveLength(5);
  for (const receipt of both) expect(await receiptProblems(staging, receipt)).toEqual([]);
});

test('two pipelines in one staging have a chain each', async () => {
  const [orders, shop] = [await three(), await three('shop')];
  expect(shop[0].previous).toBeNull();
  expect(orders[2].previous).toBe(orders[1].hash);
  rmSync(at(keyOf('shop', 1)));
  expect(await receiptProblems(staging, orders[0])).toEqual([]);
  expect(await receiptProblems(staging, shop[2])).toHaveLength(1);
});
