import { addTotals, balances, chainProblems, emptyLine, noTotals, sumLines, type BalanceLine, type Totals } from '../domain/balance';
import type { Batch } from '../domain/batch';
import type { Control } from '../domain/control';
import { BalanceError } from '../domain/errors';
import { runPath, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import { notesOfPublish } from '../domain/publish-notes';
import type { PublishReceipt, RunState, RunSummary, StreamSummary } from '../domain/receipt';
import { appendToChain, lastHash } from '../stores/receipts';
import type { StagingStore } from '../stores/staging';
import { formatNamed } from '../formats/registry';
import { fileList, type Session } from '../transforms/duckdb-engine';
import { openArtefacts, type Artefacts } from './artefacts';
import type { FinishRunInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { proveStream } from './prove-stream';
import { hashOf } from './receipt-chain';
import { batchesOf, movedPartitions, partitionBatches } from './references';

type Outcome = FinishRunInput['outcomes'][number];

/** Recomputes the balance from files and receipts, writes the run's receipt, and clears its data files. */
export const createFinishRun = (dependencies: Dependencies) => async ({ run, cancelled, outcomes }: FinishRunInput): Promise<RunSummary> => {
  const { staging, reached } = dependencies;
  const artefacts = openArtefacts(staging);
  const receiptKey = `${runPath(run)}/receipt.json`;
  return withControl(reached, async (control) => {
    let text = await staging.read(receiptKey);
    if (text === null) {
      const { spec } = await artefacts.run(run);
      const streams: StreamSummary[] = [];
      for (const outcome of outcomes) streams.push(await summaryOf(dependencies, artefacts, control, run, outcome));
      const summary = withHash({
        run, streams, state: stateOf(streams, cancelled),
        totals: streams.reduce((sum, { totals }) => addTotals(sum, totals), noTotals),
        pipelineHash: spec.hash, finishedAt: new Date().toISOString(), version: dependencies.version, previous: await lastHash(staging, run.pipeline),
      });
      text = await staging.putIfAbsent(receiptKey, canonicalJson(summary));
      control.reached('finish:after-receipt');
    }
    const receipt = JSON.parse(text) as RunSummary;
    await appendToChain(staging, run.pipeline, { hash: receipt.hash, receipt: receiptKey });
    await staging.sweep(runPath(run), await keptFiles(artefacts, receipt));
    return receipt;
  });
};

/** Batches that `keep` keeps: the janitor removes them later. */
async function keptFiles(artefacts: Artefacts, { run, streams }: RunSummary): Promise<ReadonlySet<string>> {
  const kept = new Set<string>();
  if (((await artefacts.run(run)).spec.retention?.keep ?? 0) === 0) return kept;
  for (const { stream, batches } of streams) {
    const plan = batches > 0 ? await artefacts.plan.find(run, stream) : null;
    for (const batch of plan ? await batchesOf(artefacts, run, stream, plan) : []) for (const { key } of batch.files) kept.add(key);
  }
  return kept;
}

async function summaryOf(dependencies: Dependencies, artefacts: Artefacts, control: Control, run: RunRef, outcome: Outcome): Promise<StreamSummary> {
  const { streamSpec } = await artefacts.stream(run, outcome.stream);
  const plan = await artefacts.plan.find(run, outcome.stream);
  const report = await artefacts.report.find(run, outcome.stream);
  const published = await artefacts.published.find(run, outcome.stream);
  const inTarget = published ? published.checks : await artefacts.refused.find(run, outcome.stream);
  const common = {
    stream: outcome.stream, to: streamSpec.to, window: plan?.window ?? null, checks: [...report?.checks ?? [], ...inTarget ?? []], error: outcome.error,
    ...(plan?.drift && { drift: plan.drift }),
    notes: [...plan?.notes ?? [], ...(published ? notesOfPublish(streamSpec.write, published) : []), ...(outcome.note === undefined ? [] : [outcome.note])],
    ...(outcome.approvals?.length ? { approvals: outcome.approvals } : {}),
  };
  if (!plan || !published) return { ...common, state: outcome.state === 'cancelled' ? 'cancelled' : 'failed', totals: report?.totals ? { ...report.totals, loaded: 0 } : noTotals, lines: report?.lines ?? [], batches: 0, deleted: 0 };
  try {
    const { totals, lines, batches, discarded } = await recount(dependencies, artefacts, control, run, streamSpec, plan, published);
    const gaps = published.position.gaps ?? [];
    const skippedNow = (await artefacts.amendments(run, outcome.stream)).skipped.length > 0;
    return { ...common, state: totals.rejected > 0 || skippedNow ? 'succeeded_with_rejects' : 'succeeded', totals, lines, batches, notes: [...common.notes, ...discarded], deleted: published.deleted, proof: await proveStream(dependencies, artefacts, control, run, streamSpec, plan), ...(gaps.length > 0 && { gaps }) };
  } catch (error) {
    if (!(error instanceof BalanceError)) throw error;
    return { ...common, state: 'failed', totals: noTotals, lines: [], batches: 0, deleted: published.deleted, error: { message: error.message, area: error.area } };
  }
}

interface Recounted {
  readonly totals: Totals;
  readonly lines: readonly BalanceLine[];
  readonly batches: number;
  /** What the contract left out of rows that went on, for people. */
  readonly discarded: readonly string[];
}

/** Counts again what lies there: manifests, Parquet files, quarantine files; nothing that a workflow or an earlier activity summed up. */
async function recount({ staging, engine }: Dependencies, artefacts: Artefacts, control: Control, run: RunRef, stream: StreamSpec, plan: Plan, published: PublishReceipt): Promise<Recounted> {
  const parts = await partitionBatches(artefacts, run, stream.stream, plan);
  const loaded = await batchesOf(artefacts, run, stream.stream, plan);
  const all = plan.wholeStream ? [...parts, ...loaded] : parts;
  let read = 0;
  for (const { ordinal, generation } of await movedPartitions(artefacts, run, stream.stream, plan)) read += (await artefacts.manifest.read(run, stream.stream, ordinal, generation)).rows;
  const count = (files: readonly string[]) => files.length === 0 ? Promise.resolve(0) : engine.session(control.signal, async (session) => Number((await session.row(`SELECT count(*) AS n FROM read_parquet(${fileList(files)})`))['n']));
  const staged = plan.passes
    ? countProven(loaded) ?? await engine.session(control.signal, (session) => countLanded(session, staging, loaded))
    : await count(await localFiles(staging, loaded.flatMap(({ files }) => files)));
  const rejected = await count(await localFiles(staging, [...all.flatMap(({ quarantine }) => quarantine), ...published.quarantine ?? []]));
  const lines = [...sumLines(all.map((batch) => batch.lines)), { ...emptyLine('publish'), in: staged, out: published.rows, deduplicated: published.deduplicated, rejected: published.rejected ?? 0 }];
  const sums = lines.reduce((sum, line) => addTotals(sum, { read: 0, loaded: 0, created: line.created, rejected: line.rejected, filtered: line.filtered, deduplicated: line.deduplicated, aggregated: line.aggregated }), noTotals);
  const totals = { ...sums, read, loaded: published.rows };
  const problems = [
    ...chainProblems(lines, read, published.rows),
    ...(rejected === sums.rejected ? [] : [`${rejected} rows are in quarantine, the steps rejected ${sums.rejected}`]),
    ...(balances(totals) ? [] : ['the totals do not close']),
  ];
  if (problems.length > 0) throw new BalanceError(`finishing stream "${stream.stream}": its rows do not add up: ${problems.join('; ')}; what was published stays until it is settled`, { stream: stream.stream });
  return { totals, lines, batches: loaded.length, discarded: discardedIn(parts) };
}

function discardedIn(batches: readonly Batch[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const { discarded = {} } of batches) for (const [column, values] of Object.entries(discarded)) sums.set(column, (sums.get(column) ?? 0) + values);
  return [...sums].map(([column, values]) => `the contract discarded ${values} ${values === 1 ? 'value' : 'values'} of "${column}"; their rows went on`);
}

/** The proof's pass over landing files that are loaded as they are has counted their rows from the files, apart from all counters; null: not proven. */
function countProven(batches: readonly Batch[]): number | null {
  let rows = 0;
  for (const { proof } of batches) {
    if (!proof) return null;
    rows += proof.rows;
  }
  return rows;
}

async function countLanded(session: Session, staging: StagingStore, batches: readonly Batch[]): Promise<number> {
  let rows = 0;
  for (const file of batches.flatMap(({ files }) => files)) rows += await formatNamed('copy_csv').count(session, await staging.fetch(file), { fields: batches[0]!.columns.length });
  return rows;
}

async function localFiles(staging: StagingStore, files: Batch['files']): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const file of files) paths.push(await staging.fetch(file));
  return paths;
}

/** cancelled > failed > held > with rejects > succeeded (semantics 16). */
function stateOf(streams: readonly StreamSummary[], cancelled: boolean): RunState {
  const order: readonly RunState[] = ['cancelled', 'failed', 'held', 'succeeded_with_rejects'];
  if (cancelled) return 'cancelled';
  return order.find((state) => streams.some((stream) => stream.state === state)) ?? 'succeeded';
}

const withHash = (summary: Omit<RunSummary, 'hash'>): RunSummary => ({ ...summary, hash: hashOf(summary) });
