import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributeTypes, type SearchAttributeName } from '../domain/search-attributes';
import type { RunState } from '../domain/receipt';

interface LabelValues {
  readonly pipeline?: string;
  readonly stream?: string;
  readonly state?: RunState;
  readonly logicalDate?: string;
  readonly rows?: number;
  readonly rejects?: number;
}

/** Search attributes of a run or stream; each value is told once. Where the server lacks them nothing is told: it would fail the workflow task. */
export function createLabels(available: boolean): { tell(values: LabelValues): void } {
  const known = new Map<string, unknown>();
  return {
    tell(values) {
      const changed = Object.entries(values).filter(([name, value]) => known.get(name) !== value);
      for (const [name, value] of changed) known.set(name, value);
      if (available && changed.length > 0) upsertSearchAttributes([...labelsOf(Object.fromEntries(changed))]);
    },
  };
}

export function labelsOf({ pipeline, stream, state, logicalDate, rows, rejects }: LabelValues): readonly SearchAttributePair[] {
  return [
    ...pair('MillracePipeline', pipeline), ...pair('MillraceStream', stream), ...pair('MillraceState', state),
    ...pair('MillraceLogicalDate', logicalDate === undefined ? undefined : new Date(logicalDate)), ...pair('MillraceRows', rows), ...pair('MillraceRejects', rejects),
  ];
}

const pair = (name: SearchAttributeName, value: string | number | Date | undefined): readonly SearchAttributePair[] =>
  (value === undefined ? [] : [{ key: defineSearchAttributeKey(name, searchAttributeTypes[name]), value } as SearchAttributePair]);
