import { Cron } from 'croner';
import { z } from 'zod';
import { overlaps, type ScheduleSpec } from '../domain/schedule';
import { durationOf } from './duration';
import type { Problem } from './problems';
import type { Path, YamlFile } from './yaml-file';
import { isZone } from './zone';
import { problemsOf } from './zod-problems';

const second = 1000;
const day = 86_400_000;
const text = z.string().min(1);

export const scheduleSchema = z.strictObject({
  cron: z.union([z.array(text).min(1), text]).optional().describe('Five fields (minute hour day-of-month month day-of-week), or a list of such lines'),
  every: text.optional().describe('Instead of cron: 15 minutes, 1 hour; counted from 1970-01-01T00:00:00Z'),
  offset: text.optional().describe('Shifts every: 5 minutes'),
  timezone: text.optional().describe('Zone of cron, e.g. Europe/Berlin; default UTC'),
  jitter: text.optional().describe('Start up to this much later; the logical date stays; default none'),
  overlap: z.enum(overlaps).optional().describe('While the last run is going on: skip, buffer_one (default) or buffer_all'),
  catchup: text.optional().describe('After an outage, run instants up to this old; default 1 day'),
});
type RawSchedule = z.output<typeof scheduleSchema>;

interface Parsed {
  readonly schedule: ScheduleSpec | null;
  readonly problems: readonly Problem[];
}

/** `schedule:` of a pipeline. What the server would refuse, or would read otherwise than cron does elsewhere, is refused here, at its place. */
export function parseSchedule(raw: unknown, file: YamlFile): Parsed {
  const at: Path = ['schedule'];
  const parsed = scheduleSchema.safeParse(raw);
  if (!parsed.success) return { schedule: null, problems: problemsOf(parsed.error.issues, { file, at, input: raw, schema: scheduleSchema }) };
  const words = parsed.data;
  const problems = [
    ...rules.flatMap(({ word, wrong }) => {
      const message = wrong(words);
      return message ? [file.problem([...at, word], message, file.has([...at, word]) ? 'value' : 'key')] : [];
    }),
    ...linesOf(words).flatMap((line, index) => {
      const message = cronProblem(line);
      return message ? [file.problem(Array.isArray(words.cron) ? [...at, 'cron', index] : [...at, 'cron'], message, 'value')] : [];
    }),
  ];
  return { schedule: problems.length > 0 ? null : specOf(words), problems };
}

const linesOf = ({ cron }: RawSchedule): readonly string[] => (cron === undefined ? [] : typeof cron === 'string' ? [cron] : cron).map((line) => line.trim().replace(/\s+/g, ' '));

function specOf(words: RawSchedule): ScheduleSpec {
  const { every, offset, timezone = 'UTC', jitter, overlap = 'buffer_one', catchup } = words;
  return {
    cron: linesOf(words),
    ...(every === undefined ? {} : { every: durationOf(every)! }),
    ...(offset === undefined ? {} : { offset: durationOf(offset)! }),
    timezone, jitter: jitter === undefined ? 0 : durationOf(jitter)!, overlap, catchup: catchup === undefined ? day : durationOf(catchup)!,
  };
}

interface Rule {
  readonly word: keyof RawSchedule;
  wrong(words: RawSchedule): string | null;
}

/** A word's duration must be whole seconds from `least`. */
const duration = (word: 'every' | 'offset' | 'jitter' | 'catchup', least: number, example: string): Rule => ({
  word,
  wrong: ({ [word]: written }) => {
    if (written === undefined) return null;
    const length = durationOf(written);
    if (length === null) return `"${word}" is "${written}"; write a duration such as "${example}"`;
    return length < least || length % second !== 0 ? `"${word}" is "${written}"; it must be whole seconds, at least ${least / second}` : null;
  },
});

const rules: readonly Rule[] = [
  { word: 'cron', wrong: ({ cron, every }) => (cron === undefined && every === undefined ? '"schedule" needs "cron" or "every"' : null) },
  { word: 'every', wrong: ({ cron, every }) => (cron !== undefined && every !== undefined ? '"cron" and "every" exclude each other; take one out' : null) },
  { word: 'offset', wrong: ({ every, offset }) => (offset !== undefined && every === undefined ? '"offset" goes with "every" only' : null) },
  { word: 'timezone', wrong: ({ every, timezone }) => (timezone !== undefined && every !== undefined ? '"every" counts from 1970-01-01T00:00:00Z in any zone; take "timezone" out, or use "cron"' : null) },
  { word: 'timezone', wrong: ({ timezone }) => (timezone !== undefined && !isZone(timezone) ? `unknown time zone "${timezone}"; write UTC or a name such as Europe/Berlin` : null) },
  // A run's id carries its instant in whole seconds.
  duration('every', second, '15 minutes'), duration('offset', 0, '5 minutes'), duration('jitter', 0, '30 seconds'),
  // The server's own least.
  duration('catchup', 10 * second, '1 day'),
];

const shorthands = ['@hourly', '@daily', '@weekly', '@monthly', '@yearly'];

/** What is wrong with a line of cron; null: nothing. */
export function cronProblem(line: string): string | null {
  if (line.startsWith('@')) return shorthands.includes(line) ? null : `"${line}" is not known; known: ${shorthands.join(', ')}${line.startsWith('@every') ? '; write "every: 15 minutes" instead' : ''}`;
  const fields = line.split(' ');
  if (fields.length !== 5) return `"${line}" has ${fields.length} fields; cron has five: minute hour day-of-month month day-of-week${fields.length > 5 ? '; for seconds use "every"' : ''}`;
  // Letters beside names of days and months (L, W, #, ?) mean something else, or nothing, to the server.
  const strange = fields.find((field) => !/^[\d*,/-]+$|^([A-Za-z]{3}|\d+)([,-]([A-Za-z]{3}|\d+))*$/.test(field));
  if (strange) return `"${strange}" in "${line}" is not understood; write numbers, names such as mon or jan, and * , - /`;
  if (fields[2] !== '*' && fields[4] !== '*') return `"${line}" names days of the month and of the week: cron elsewhere takes either, Temporal both; write two lines, or leave one of them "*"`;
  return neverProblem(line);
}

function neverProblem(line: string): string | null {
  try {
    return new Cron(line, { paused: true, mode: '5-part', timezone: 'UTC' }).nextRun() === null ? `"${line}" never comes` : null;
  } catch (error) {
    return `"${line}": ${error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)}`;
  }
}
