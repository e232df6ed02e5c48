import { openArtefacts } from '../../activities/artefacts';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { StreamSummary } from '../../domain/receipt';
import type { Timing } from '../../domain/timing';
import { groupQuarantine, type QuarantineGroup } from '../../stores/quarantine';
import { listReceipts, type StoredRun } from '../../stores/runs';
import type { StagingStore } from '../../stores/staging';
import { readTimings } from '../../stores/timings';
import type { Session } from '../../transforms/duckdb-engine';
import { checkSeries, type CheckPoint } from '../check-series';
import { storedBatches } from '../stored-batches';

/** What a report tells, from staging alone: Temporal's history may be gone. */
export interface ReportFacts {
  readonly stored: StoredRun;
  readonly timings: readonly Timing[];
  readonly streams: readonly StreamFacts[];
}

export interface StreamFacts {
  readonly spec: StreamSpec;
  /** Null: the run has no receipt. */
  readonly summary: StreamSummary | null;
  readonly plan: Plan | null;
  readonly timings: readonly Timing[];
  readonly rejects: readonly QuarantineGroup[];
  /** What its checks said: of each the point of this run, then those of the runs before, newest first. */
  readonly checks: readonly (readonly CheckPoint[])[];
  readonly bytes: { readonly landed: number; readonly staged: number };
}

/** Earlier runs of which a report tells what their checks said. */
const before = 10;
const everything = { reason: null, step: null, column: null };

export async function gatherFacts(session: Session, staging: StagingStore, stored: StoredRun): Promise<ReportFacts> {
  const artefacts = openArtefacts(staging);
  const timings = await readTimings(staging, stored.run);
  const streams: StreamFacts[] = [];
  const { receipt } = stored;
  const earlier = receipt ? (await listReceipts(staging, stored.run.pipeline)).filter(({ run, finishedAt }) => !run.replay && finishedAt < receipt.finishedAt).slice(0, before) : [];
  const series = receipt ? checkSeries([receipt, ...earlier]) : [];
  for (const spec of stored.spec.streams) {
    const batches = await storedBatches(staging, stored, spec.stream);
    const own = timings.filter(({ stream }) => stream === spec.stream);
    streams.push({
      spec, timings: own,
      summary: stored.receipt?.streams.find(({ stream }) => stream === spec.stream) ?? null,
      plan: await artefacts.plan.find(stored.run, spec.stream),
      checks: series.filter(([point]) => point!.stream === spec.stream && point!.at === receipt!.finishedAt),
      rejects: await groupQuarantine(session, staging, batches.flatMap(({ quarantine }) => quarantine), everything).catch(() => []),
      bytes: { landed: own.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0), staged: batches.reduce((sum, { bytes }) => sum + bytes, 0) },
    });
  }
  return { stored, timings, streams };
}
