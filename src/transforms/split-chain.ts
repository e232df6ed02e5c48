import { rejectsByUnique } from '../checks/registry';
import type { NamedOptions } from '../domain/pipeline';
import { stepNamed } from './registry';

/**
 * Where a chain splits: the first step that needs the whole stream, or the end; `unique` with quarantine needs it too.
 * `partitionKey`: columns whose equal values always lie in one partition. A deduplicate by keys that contain them is the same per batch.
 */
export function splitOf(steps: readonly NamedOptions[], checks: readonly NamedOptions[], partitionKey: readonly string[] = []): { readonly firstStreamStep: number; readonly wholeStream: boolean } {
  const first = steps.findIndex((step, index) => stepNamed(step.name).scope(step.options) === 'stream' && !isSamePerBatch(step, steps.slice(0, index), partitionKey));
  const firstStreamStep = first < 0 ? steps.length : first;
  return { firstStreamStep, wholeStream: first >= 0 || checks.some(rejectsByUnique) };
}

/** The first step whose result depends on all rows, whichever of them are asked for; null: there is none. */
export const needsAllRows = (steps: readonly NamedOptions[]): NamedOptions | null =>
  steps.find(({ name, options }) => name !== 'deduplicate' && stepNamed(name).scope(options) === 'stream') ?? null;

/** Steps that leave a column's values alone unless they name it. */
const harmless = ['select', 'drop', 'filter', 'drop_missing', 'deduplicate'];

function isSamePerBatch({ name, options }: NamedOptions, before: readonly NamedOptions[], partitionKey: readonly string[]): boolean {
  if (name !== 'deduplicate' || partitionKey.length === 0) return false;
  const keys = options['keys'] as readonly string[];
  return partitionKey.every((column) => keys.includes(column)) && before.every((step) => harmless.includes(step.name) || !touches(step, partitionKey));
}

/** Whether a step may alter one of these columns; anything that does not list its columns may. */
function touches({ name, options }: NamedOptions, columns: readonly string[]): boolean {
  const named = options['columns'];
  const list = Array.isArray(named) ? named.map(String) : typeof named === 'object' && named !== null ? [...Object.keys(named), ...Object.values(named).map(String)] : null;
  const listing = ['trim', 'case', 'replace', 'cast', 'add', 'rename', 'fill_missing', 'normalize'];
  return !listing.includes(name) || list === null || columns.some((column) => list.includes(column));
}

/** False where a chain can neither drop nor reorder rows: then it is one view over the landing files, the fast path. */
export function needsPositions(steps: readonly NamedOptions[], checks: readonly NamedOptions[]): boolean {
  return steps.some(({ name, options }) => !stepNamed(name).keepsRows(options)) || checks.some(({ options }) => options['on_fail'] === 'quarantine');
}
