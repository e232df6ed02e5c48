import type { Source } from '../connectors/connector';
import type { Claim } from '../domain/claim';
import { ConfigurationError } from '../domain/errors';
import type { BackfillWindow } from '../domain/backfill';
import type { SourcePlan } from '../domain/plan';

/** A source that does not know of ranges would read on from the checkpoint. */
export function refuseUnranged(range: BackfillWindow | undefined, source: Source, connection: string): void {
  if (range && !source.readsRanges) throw new ConfigurationError(`planning a range of time: "${connection}" cannot read a range of time; load it again with "millrace run"`, { connection });
}

/**
 * A backfill, and a replay of whole periods, never moves the checkpoint (semantics 14): what it publishes is the position that stands. No other run can move it meanwhile, since
 * this one holds the fence. That a newer version of a key stays is the merge's doing: an incremental one always has an order in its target.
 */
export const keepingCheckpoint = (range: BackfillWindow | undefined, plan: SourcePlan, { position }: Claim): SourcePlan =>
  (range ? { ...plan, position: position ?? { cursor: null }, files: [], reloads: [] } : plan);
