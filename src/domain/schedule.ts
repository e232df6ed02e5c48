/** What becomes of an instant at which the schedule's last run is still going on. Words that would start a second load beside it do not exist here. */
export const overlaps = ['skip', 'buffer_one', 'buffer_all'] as const;
export type Overlap = (typeof overlaps)[number];

/** When a pipeline runs by itself. Durations are whole milliseconds. */
export interface ScheduleSpec {
  /** Five fields each, in `timezone`; empty where `every` is given. */
  readonly cron: readonly string[];
  /** Counted from 1970-01-01T00:00:00Z, shifted by `offset`. */
  readonly every?: number;
  readonly offset?: number;
  readonly timezone: string;
  /** A run may start up to this much later; its logical date does not. */
  readonly jitter: number;
  readonly overlap: Overlap;
  /** After an outage, instants up to this old are still run. */
  readonly catchup: number;
}

/** Schedules are named for their pipeline; workflow id `crm_sales/run` makes Temporal name runs `crm_sales/run-<nominal time>` (semantics 1). */
export const scheduleIdOf = (pipeline: string): string => pipeline;
export const scheduledWorkflowIdOf = (pipeline: string): string => `${pipeline}/run`;

/** ISO instant in whole seconds, as ids carry it. */
export const wholeSeconds = (instant: Date): string => `${instant.toISOString().slice(0, 19)}Z`;

const whileOneRuns = { buffer_one: 'one waits, others are skipped', buffer_all: 'all wait', skip: 'skipped' } as const satisfies Readonly<Record<Overlap, string>>;
const units: readonly (readonly [length: number, name: string])[] = [[604_800_000, 'week'], [86_400_000, 'day'], [3_600_000, 'hour'], [60_000, 'minute'], [1000, 'second']];

/** `5400000` → `90 minutes` */
export function spokenDuration(milliseconds: number): string {
  const [length, name] = units.find(([unit]) => milliseconds % unit === 0) ?? [1, 'ms'];
  const count = milliseconds / length;
  return name === 'ms' ? `${count} ms` : `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** `"0 2 * * *" in Europe/Berlin`, `every 15 minutes`. */
export const spokenTimes = ({ cron, every, offset, timezone }: ScheduleSpec): string =>
  every !== undefined ? `every ${spokenDuration(every)}${offset ? ` at ${spokenDuration(offset)} past` : ''}` : `${cron.map((line) => `"${line}"`).join(', ')} in ${timezone}`;

export const spokenPolicy = ({ overlap, catchup, jitter }: ScheduleSpec): string =>
  `while one runs: ${whileOneRuns[overlap]} (${overlap}); after an outage: up to ${spokenDuration(catchup)} back${jitter > 0 ? `; up to ${spokenDuration(jitter)} later` : ''}`;
