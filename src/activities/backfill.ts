import type { Source } from '../connectors/connector';
import type { Claim } from '../domain/claim';
import { ConfigurationError } from '../domain/errors';
import type { RunRef } from '../domain/ids';
import type { SourcePlan } from '../domain/plan';

/** A source that does not know of ranges would read on from the checkpoint. */
export function refuseUnranged({ backfill }: RunRef, source: Source, connection: string): void {
  if (backfill && !source.readsRanges) throw new ConfigurationError(`planning a backfill: "${connection}" cannot read a range of time; load it again with "millrace run"`, { connection });
}

/**
 * A backfill never moves the checkpoint (semantics 14): what it publishes is the position that stands. No other run can move it meanwhile, since
 * this one holds the fence. That a newer version of a key stays is the merge's doing: an incremental one always has an order in its target.
 */
export const keepingCheckpoint = ({ backfill }: RunRef, plan: SourcePlan, { position }: Claim): SourcePlan =>
  (backfill ? { ...plan, position: position ?? { cursor: null }, files: [], reloads: [] } : plan);
