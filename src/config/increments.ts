import type { NamedOptions, StreamSpec } from '../domain/pipeline';
import { stepNamed } from '../transforms/registry';

/** `value`: one value of the cursor itself. */
type Period = 'value' | 'hour' | 'day' | 'month' | 'quarter' | 'year';

/** Periods that lie whole in a read which goes back to the start of one. Weeks lie in no month. */
const within: Readonly<Record<'day' | 'month' | 'year', readonly Period[]>> = {
  day: ['value', 'hour', 'day'], month: ['value', 'hour', 'day', 'month'], year: ['value', 'hour', 'day', 'month', 'quarter', 'year'],
};

const remedy = 'use "mode: full", or load the rows as they are and let a second stream read the loaded table whole';

/**
 * A step that needs the whole stream sees only what is new in an incremental read, so each of its groups must be whole in it; a
 * month's total would else be overwritten by the increment's share (semantics 5). Null: every step may stay.
 */
export function incrementProblem(spec: StreamSpec): string | null {
  if (spec.mode !== 'incremental') return null;
  for (const [index, step] of spec.steps.entries()) {
    if (step.name === 'deduplicate' || stepNamed(step.name).scope(step.options) !== 'stream') continue;
    const problem = problemOf(spec, index);
    if (problem) return `"${step.name}" in an incremental stream ${problem}; ${remedy}`;
  }
  return null;
}

/** The word that names a step's groups; a step without one sees rows of all periods. */
const groupWords: Readonly<Record<string, string>> = { fill_missing: 'group_by', outliers: 'group_by', window: 'partition_by', pivot: 'by' };

function problemOf(spec: StreamSpec, index: number): string | null {
  const { name, options } = spec.steps[index]!;
  if (name === 'aggregate') return aggregateProblem(spec, index);
  const word = groupWords[name];
  if (word === undefined) return 'sees only the rows that are new';
  const groups = namesIn(options[word]);
  const periods = groups.filter((group) => isWhole(spec, index, group));
  return groupsProblem(spec, index, groups, word) ?? (name === 'pivot' ? writeProblem(spec, groups, periods) : null);
}

function aggregateProblem(spec: StreamSpec, index: number): string | null {
  const { by } = spec.steps[index]!.options;
  const groups = Array.isArray(by) ? namesIn(by) : Object.keys((by ?? {}) as object);
  const defined = Array.isArray(by) ? {} : (by as Readonly<Record<string, string>>);
  const periods = groups.filter((name) => isWhole(spec, index, defined[name] ?? name));
  return groupsProblem(spec, index, groups.map((name) => defined[name] ?? name), 'by') ?? writeProblem(spec, groups, periods);
}

function groupsProblem(spec: StreamSpec, index: number, groups: readonly string[], word: string): string | null {
  const { cursor, cursorChanges, cursorTimezone, lookback } = spec;
  if (!cursor) return 'sees only the files that are new';
  if (cursorChanges !== 'never') return `is right only where a row's "${cursor}" never changes; say so with "cursor_changes: never" if that is true`;
  if (cursorTimezone !== undefined && cursorTimezone !== 'UTC') return `groups by periods of UTC, while reading goes back to the start of one in ${cursorTimezone}; set "cursor_timezone: UTC"`;
  if (groups.some((group) => isWhole(spec, index, group))) return null;
  const back = typeof lookback === 'string' ? lookback : null;
  return back
    ? `needs a group that is whole in what is read: date_trunc('${back}', ${cursor}) in "${word}"`
    : `needs "lookback: month" (or day, year) and date_trunc('month', ${cursor}) in "${word}", so that each group is read whole`;
}

/** Replacing by anything that reaches beyond the periods read would take away rows that are not read again. */
function writeProblem({ write, by, key }: StreamSpec, groups: readonly string[], periods: readonly string[]): string | null {
  const list = `[${groups.join(', ')}]`;
  if (write === 'delete_insert' && Array.isArray(by) && by.every((name) => groups.includes(name)) && by.some((name) => periods.includes(name))) return null;
  if (write === 'merge' && key.length === groups.length && key.every((name) => groups.includes(name))) return null;
  return `must be written by its groups: "write: delete_insert" with "by: [${periods[0]}]", or "write: merge" with "key: ${list}"`;
}

/** Whether one of these columns, as the steps leave them, is a period or value of the cursor that is read whole. */
export const groupsAreWhole = (spec: StreamSpec, names: readonly string[]): boolean => spec.cursorChanges === 'never' && names.some((name) => isWhole(spec, spec.steps.length, name));

/** Whether all rows of one group of this expression are read together. */
function isWhole({ cursor, lookback, steps }: StreamSpec, before: number, expression: string): boolean {
  const period = periodOf(cursor!, definitionOf(steps.slice(0, before), expression));
  return period === 'value' || (period !== null && typeof lookback === 'string' && within[lookback].includes(period));
}

/** What an `add` step says that a column is; a column of any other origin is itself. */
function definitionOf(steps: readonly NamedOptions[], name: string): string {
  const added = [...steps].reverse().find((step) => step.name === 'add' && name in ((step.options['columns'] ?? {}) as object));
  return added ? String((added.options['columns'] as Readonly<Record<string, unknown>>)[name]) : name;
}

function periodOf(cursor: string, expression: string): Period | null {
  const bare = expression.replaceAll('"', '').trim().toLowerCase();
  const column = cursor.toLowerCase();
  if (bare === column) return 'value';
  if (bare === `${column}::date` || bare === `cast(${column} as date)`) return 'day';
  const [, period, of] = /^date_trunc\(\s*'(hour|day|month|quarter|year)'\s*,\s*([\w$]+)\s*\)(?:::date)?$/.exec(bare) ?? [];
  return of === column ? (period as Period) : null;
}

const namesIn = (list: unknown): readonly string[] => (Array.isArray(list) ? list.map(String) : []);
