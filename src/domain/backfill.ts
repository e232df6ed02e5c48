/** The window of a backfill: ISO instants in whole seconds, `[from, to)`. */
export interface BackfillWindow {
  readonly from: string;
  readonly to: string;
}

/** Workflow id of one window, and of a run of several windows: the range they cover. */
export const backfillIdOf = (pipeline: string, { from, to }: BackfillWindow): string => `${pipeline}/backfill-${from}_${to}`;

/** Windows between instants that follow one another. */
export const windowsBetween = (instants: readonly string[]): readonly BackfillWindow[] =>
  instants.slice(1).map((to, index) => ({ from: instants[index]!, to }));

/** The range that windows in order cover. */
export const rangeOf = (windows: readonly BackfillWindow[]): BackfillWindow => ({ from: windows[0]!.from, to: windows.at(-1)!.to });

/** Whether both bounds lie at the start of a day, month or year of UTC, so that every such period is whole in the window. */
export function holdsWholePeriods({ from, to }: BackfillWindow, period: 'day' | 'month' | 'year'): boolean {
  const start = { day: /T00:00:00Z$/, month: /-01T00:00:00Z$/, year: /-01-01T00:00:00Z$/ }[period];
  return start.test(from) && start.test(to);
}

/** What a backfill of several windows came to. */
export interface BackfillSummary {
  readonly windows: number;
  readonly done: number;
  readonly read: number;
  readonly loaded: number;
  readonly rejected: number;
}
