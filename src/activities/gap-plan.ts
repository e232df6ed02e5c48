import type { StreamSpec } from '../domain/pipeline';
import type { SourcePlan } from '../domain/plan';
import type { Position } from '../domain/position';

/** What earlier runs skipped, as partitions, each in the window it was planned in. The checkpoint stays where it is; its gaps are closed by the publish. */
export function gapPlan(plan: SourcePlan, position: Position | null): SourcePlan {
  const { gaps = [], ...rest } = position ?? { cursor: null };
  return {
    ...plan,
    window: null, files: [], reloads: [],
    position: rest,
    partitions: gaps.map(({ label, detail, window, estimatedRows }, ordinal) => ({ ordinal, label, detail, window, estimatedRows })),
    notes: [gaps.length === 0 ? 'there is no gap to load' : `loads ${gaps.length} skipped ${gaps.length === 1 ? 'partition' : 'partitions'} of earlier runs`],
  };
}

/** An increment does not read what lies before its checkpoint, so what was skipped there stays on record; a full read reads it again. */
export function keepingGaps(plan: SourcePlan, { mode }: StreamSpec, position: Position | null): SourcePlan {
  const gaps = mode === 'full' ? [] : position?.gaps ?? [];
  const { gaps: _earlier, ...rest } = plan.position;
  return { ...plan, position: gaps.length > 0 ? { ...rest, gaps } : rest };
}
