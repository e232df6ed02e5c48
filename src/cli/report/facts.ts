import { openArtefacts } from '../../activities/artefacts';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import type { StreamSummary } from '../../domain/receipt';
import type { Timing } from '../../domain/timing';
import { groupQuarantine, type QuarantineGroup } from '../../stores/quarantine';
import type { StoredRun } from '../../stores/runs';
import type { StagingStore } from '../../stores/staging';
import { readTimings } from '../../stores/timings';
import type { Session } from '../../transforms/duckdb-engine';
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
  readonly bytes: { readonly landed: number; readonly staged: number };
}

const everything = { reason: null, step: null, column: null };

export async function gatherFacts(session: Session, staging: StagingStore, stored: StoredRun): Promise<ReportFacts> {
  const artefacts = openArtefacts(staging);
  const timings = await readTimings(staging, stored.run);
  const streams: StreamFacts[] = [];
  for (const spec of stored.spec.streams) {
    const batches = await storedBatches(staging, stored, spec.stream);
    const own = timings.filter(({ stream }) => stream === spec.stream);
    streams.push({
      spec, timings: own,
      summary: stored.receipt?.streams.find(({ stream }) => stream === spec.stream) ?? null,
      plan: await artefacts.plan.find(stored.run, spec.stream),
      rejects: await groupQuarantine(session, staging, batches.flatMap(({ quarantine }) => quarantine), everything).catch(() => []),
      bytes: { landed: own.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0), staged: batches.reduce((sum, { bytes }) => sum + bytes, 0) },
    });
  }
  return { stored, timings, streams };
}
