import { addTotals, chainProblems, noTotals, sumLines, type BalanceLine, type Totals } from '../domain/balance';
import type { Batch } from '../domain/batch';
import type { Control } from '../domain/control';
import { BalanceError, CheckBlockedError, DestinationHeldError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import { isAtDestination, type PipelineSpec, type StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import type { StagedFile } from '../domain/manifest';
import type { CheckReport, CheckResultLine } from '../domain/receipt';
import type { Destination } from '../connectors/connector';
import { checkNamed } from '../checks/registry';
import { rowCheckLines } from '../checks/result-line';
import { runStreamChecks } from '../checks/row-checks';
import { quotedReferences } from '../transforms/run-chain';
import { openArtefacts, type Artefacts } from './artefacts';
import { checkHistory } from './check-history';
import { sampleFailing } from './check-samples';
import type { StreamInput } from './contract';
import { withControl } from './control';
import type { Dependencies } from './dependencies';
import { batchesOf, openReferences, partitionBatches, viewOf } from './references';

interface Verdict {
  readonly warnings: readonly string[];
  readonly approval: readonly string[];
}

/** The gate: balance, limits, stream checks, counts in the destination. Blocks before anything becomes visible. */
export const createCheckStream = (dependencies: Dependencies) => async ({ run, stream }: StreamInput): Promise<Verdict> => {
  const artefacts = openArtefacts(dependencies.staging);
  const earlier = await artefacts.report.find(run, stream);
  if (earlier) return verdict(earlier);

  const { spec, streamSpec, connectionsFile } = await artefacts.stream(run, stream);
  const plan = await artefacts.plan.read(run, stream);
  const parts = await partitionBatches(artefacts, run, stream, plan);
  const loaded = await batchesOf(artefacts, run, stream, plan);
  return withControl(dependencies.reached, async (control) => {
    // Without a step over the whole stream these are the same batches.
    const all = plan.wholeStream ? [...parts, ...loaded] : parts;
    const lines = sumLines(all.map((batch) => batch.lines));
    const totals = totalsOf(lines, parts, loaded);
    refuseOpenBalance(stream, lines, totals);
    const destination = await dependencies.openDestination(connectionsFile, spec.destination);
    try {
      await refuseOtherCounts(destination, run, streamSpec, plan, loaded);
      await refuseEmptying(destination, run, streamSpec, totals);
    } finally {
      await destination.close();
    }
    const { lines: found, samples } = await streamChecks({ dependencies, control, artefacts, run, stream: streamSpec, plan, batches: loaded, source: spec.source, connectionsFile });
    const checks = [...rowChecks(streamSpec, all), ...found];
    const report: CheckReport = { stream, totals, lines, checks, ...(samples && { samples }), blockedBy: [...limitProblems(spec, plan, totals), ...failing(checks, 'block')] };
    const recorded = await artefacts.report.record(report, run, stream);
    control.reached('check:after-report');
    return verdict(recorded);
  });
};

function verdict(report: CheckReport): Verdict {
  if (report.blockedBy.length > 0) {
    throw new CheckBlockedError(`checking stream "${report.stream}": ${report.blockedBy.join('; ')}; nothing was published. ${report.samples ? '"millrace quarantine show RUN" shows some of the rows. ' : ''}Mend the data or the rule and run it again`, { stream: report.stream });
  }
  return { warnings: report.checks.filter(({ passed, onFail }) => !passed && onFail !== 'quarantine').map(({ check, message }) => `${check}: ${message}`), approval: failing(report.checks, 'approve') };
}

export function totalsOf(lines: readonly BalanceLine[], parts: readonly Batch[], loaded: readonly Batch[]): Totals {
  const read = parts.reduce((sum, batch) => sum + batch.read, 0);
  const inner = lines.reduce((sum, { created, rejected, filtered, deduplicated, aggregated }) => addTotals(sum, { read: 0, loaded: 0, created, rejected, filtered, deduplicated, aggregated }), noTotals);
  return { ...inner, read, loaded: loaded.reduce((sum, batch) => sum + batch.rows, 0) };
}

function refuseOpenBalance(stream: string, lines: readonly BalanceLine[], totals: Totals): void {
  const problems = chainProblems(lines, totals.read, totals.loaded);
  if (problems.length > 0) throw new BalanceError(`checking stream "${stream}": its rows do not add up: ${problems.join('; ')}; nothing was published`, { stream });
}

async function refuseOtherCounts(destination: Destination, run: RunRef, stream: StreamSpec, plan: Plan, batches: readonly Batch[]): Promise<void> {
  const counts = await destination.count({ run, stream }, plan, batches.map(({ id }) => id));
  const wrong = batches.filter(({ id, rows }) => (counts[id] ?? 0) !== rows).map(({ id, rows }) => `batch "${id}" has ${counts[id] ?? 0} rows there, ${rows} were staged`);
  if (wrong.length > 0) throw new BalanceError(`counting the rows of "${stream.stream}" in the destination: ${wrong.join('; ')}; nothing was published`, { stream: stream.stream });
}

/** A full read that suddenly finds nothing is more often a mistake than the truth (semantics 7). */
async function refuseEmptying(destination: Destination, run: RunRef, stream: StreamSpec, totals: Totals): Promise<void> {
  if (stream.mode !== 'full' || stream.write === 'append' || totals.read > 0 || stream.allowEmpty) return;
  const rows = await destination.rows({ run, stream });
  if (rows) throw new DestinationHeldError(`checking stream "${stream.stream}": the source gave no rows, "${stream.to}" has ${rows}; mend the source and run it again, or set "allow_empty: true" if that is right`, { stream: stream.stream, rows });
}

function rowChecks(stream: StreamSpec, batches: readonly Batch[]): readonly CheckResultLine[] {
  const sums = new Map<number, number>();
  for (const { failing } of batches) {
    for (const [index, rows] of Object.entries(failing)) sums.set(Number(index), (sums.get(Number(index)) ?? 0) + rows);
  }
  return rowCheckLines(stream.checks, Object.fromEntries(sums));
}

interface StreamChecks {
  readonly dependencies: Dependencies;
  readonly control: Control;
  readonly artefacts: Artefacts;
  readonly run: RunRef;
  readonly stream: StreamSpec;
  readonly plan: Plan;
  readonly batches: readonly Batch[];
  readonly source: string;
  readonly connectionsFile: string;
}

async function streamChecks({ dependencies, control, artefacts, run, stream, plan, batches, source, connectionsFile }: StreamChecks): Promise<{ readonly lines: readonly CheckResultLine[]; readonly samples: StagedFile | null }> {
  if (stream.checks.every(isAtDestination)) return { lines: [], samples: null };
  const { staging, resolveSecret } = dependencies;
  const looksBack = Math.max(...stream.checks.map(({ name, options }) => checkNamed(name).historyOf(options)));
  const history = looksBack > 0 ? await checkHistory(staging, run.pipeline, stream.stream, looksBack) : new Map<string, readonly string[]>();
  const askSource = (aggregates: readonly string[]) => askedOf(dependencies, connectionsFile, source, stream, plan, aggregates, control);
  return dependencies.engine.session(control.signal, async (session) => {
    const references = quotedReferences(await openReferences({ session, staging, artefacts, run, stream: { ...stream, steps: [] }, connectionsFile, resolveSecret }));
    await viewOf(session, staging, 'staged', batches, plan.target.map(({ name }) => name), plan.target.map(({ type }) => type));
    return {
      lines: await runStreamChecks(session, 'staged', plan.target, stream.checks, { references, history, askSource }),
      samples: await sampleFailing({ session, staging, run, stream, columns: plan.target, references }),
    };
  });
}

async function askedOf({ openSource }: Dependencies, connectionsFile: string, name: string, stream: StreamSpec, plan: Plan, aggregates: readonly string[], control: Control): Promise<readonly (string | null)[] | null> {
  const source = await openSource(connectionsFile, name);
  try {
    return (await source.measure?.({ stream, plan, aggregates }, control)) ?? null;
  } finally {
    await source.close();
  }
}

const failing = (checks: readonly CheckResultLine[], onFail: string): readonly string[] =>
  checks.filter((check) => !check.passed && check.onFail === onFail).map(({ check, message }) => `check "${check}": ${message}`);

/** Of a replay the original run was judged: that some of its rejects are rejected again must not keep the others out. */
function limitProblems(spec: PipelineSpec, { replay }: Plan, { read, rejected }: Totals): readonly string[] {
  const limit = spec.limits.rejects;
  if (limit === null || (replay && !replay.readsSource) || rejected === 0 || rejected <= limit * read) return [];
  return [`${rejected} of ${read} rows were rejected, limits.rejects allows ${limit * 100} %`];
}
