import { parsePipeline } from '../../src/config/load-pipeline';
import { PipelineProblemsError } from '../../src/config/problems';
import type { ScheduleSpec } from '../../src/domain/schedule';

const text = (schedule: string) => `pipeline: shop\nsource: a\ndestination: b\nstreams: [{ stream: orders }]\nschedule: ${schedule}\n`;
const parsed = (schedule: string): ScheduleSpec => parsePipeline(text(schedule), 'shop.yaml').schedule!;
function problems(schedule: string): readonly string[] {
  try {
    parsed(schedule);
  } catch (error) {
    if (error instanceof PipelineProblemsError) return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    throw error;
  }
  throw new Error('it was accepted');
}

it('fills in every default of a schedule', () => {
  expect(parsed('{ cron: "0 2 * * *" }')).toEqual({ cron: ['0 2 * * *'], timezone: 'UTC', jitter: 0, overlap: 'buffer_one', catchup: 86_400_000 });
  expect(parsed('{ every: 15 minutes }')).toEqual({ cron: [], every: 900_000, timezone: 'UTC', jitter: 0, overlap: 'buffer_one', catchup: 86_400_000 });
});

it('takes every word of a schedule', () => {
  expect(parsed('{ cron: ["0 2 * * mon-fri", "0 8 1,15 jan *", "@weekly"], timezone: Europe/Berlin, jitter: 30 seconds, overlap: skip, catchup: 2 hours }'))
    .toEqual({ cron: ['0 2 * * mon-fri', '0 8 1,15 jan *', '@weekly'], timezone: 'Europe/Berlin', jitter: 30_000, overlap: 'skip', catchup: 7_200_000 });
  expect(parsed('{ every: 1 hour, offset: 5 minutes }')).toMatchObject({ every: 3_600_000, offset: 300_000 });
});

it('says nothing of a schedule where there is none', () => expect(parsePipeline('pipeline: shop\nsource: a\ndestination: b\nstreams: [{ stream: orders }]\n', 'shop.yaml')).not.toHaveProperty('schedule'));

it.each([
  ['{}', /^5:1 "schedule" needs "cron" or "every"$/],
  ['{ cron: "0 2 * * *", every: 1 hour }', /^5:39 "cron" and "every" exclude each other/],
  ['{ cron: "61 2 * * *" }', /^5:19 "61 2 \* \* \*": Invalid value for minute: 61$/],
  ['{ cron: ["0 2 * * *", "0 2 * *"] }', /^5:33 "0 2 \* \*" has 4 fields; cron has five/],
  ['{ cron: "0 0 2 * * *" }', /for seconds use "every"/],
  ['{ cron: "0 2 L * *" }', /"L" in "0 2 L \* \*" is not understood/],
  ['{ cron: "0 2 1 * mon" }', /cron elsewhere takes either, Temporal both/],
  ['{ cron: "0 0 31 2 *" }', /never comes/],
  ['{ cron: "@every 1h" }', /write "every: 15 minutes" instead/],
  ['{ every: soon }', /^5:20 "every" is "soon"; write a duration/],
  ['{ every: 500 ms }', /whole seconds, at least 1/],
  ['{ every: 1 hour, timezone: UTC }', /take "timezone" out/],
  ['{ cron: "0 2 * * *", offset: 5 minutes }', /"offset" goes with "every" only/],
  ['{ cron: "0 2 * * *", timezone: Berlin }', /unknown time zone "Berlin"/],
  ['{ cron: "0 2 * * *", catchup: 5 seconds }', /at least 10/],
  ['{ cron: "0 2 * * *", overlap: allow_all }', /unknown overlap "allow_all"; known: skip, buffer_one, buffer_all/],
  ['{ cron: "0 2 * * *", overlp: skip }', /did you mean "overlap"/],
])('refuses %s at its place', (schedule, expected) => {
  const found = problems(schedule);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(expected);
});
