import type { StreamSpec } from '../domain/pipeline';
import { durationOf } from './duration';
import { parseList, parseNamed, type Kind, type ParsedOptions } from './named-options';
import { checksToCome, formatsToCome, stepsToCome, streamWordsToCome } from './not-available';
import { defaultsSchema, streamSchema, type RawDefaults, type RawStream } from './pipeline-schema';
import type { Problem } from './problems';
import { fillStream, lookbackProblem } from './stream-defaults';
import { refusedWords, streamRules, type RuleInput } from './stream-rules';
import { checkWords, formatWords, stepWords, type ConnectorWord } from './vocabulary';
import type { Path, YamlFile } from './yaml-file';
import { misspeltWords, problemsOf } from './zod-problems';

const stepKind: Kind = { name: 'step', words: stepWords, toCome: stepsToCome };
const checkKind: Kind = { name: 'check', words: checkWords, toCome: checksToCome };
const formatKind: Kind = { name: 'format', words: formatWords, toCome: Object.keys(formatsToCome), instead: formatsToCome };

/** What a stream's parser knows besides the stream's own text. */
export interface StreamContext {
  readonly file: YamlFile;
  readonly defaults: ParsedWords<RawDefaults>;
  readonly source: ConnectorWord | null;
  readonly destination: ConnectorWord | null;
  readonly limited: boolean;
}

export interface ParsedWords<Words> {
  /** The words that are right. */
  readonly words: Partial<Words>;
  /** Words that are written and wrong: no rule is applied to them, so that one mistake is one problem. */
  readonly broken: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

export interface ParsedStream {
  readonly spec: StreamSpec;
  readonly problems: readonly Problem[];
}

export const parseDefaults = (raw: unknown, file: YamlFile): ParsedWords<RawDefaults> =>
  raw === undefined || raw === null ? { words: {}, broken: new Set(), problems: [] } : parseWords<RawDefaults>(defaultsSchema, raw, ['defaults'], file);

export function parseStream(raw: unknown, index: number, context: StreamContext): ParsedStream {
  const { file, defaults } = context;
  const at: Path = ['streams', index];
  const own = parseWords<RawStream>(streamSchema, raw, at, file);
  const written: Partial<RawStream> = { ...defaults.words, ...own.words };
  // A word from `defaults` stands there, not in the stream.
  const placeOf = (word: string): Path => (!file.has([...at, word]) && file.has(['defaults', word]) ? ['defaults', word] : [...at, word]);

  const steps = parseList(stepKind, written.steps ?? [], placeOf('steps'), file);
  const checks = parseList(checkKind, written.checks ?? [], placeOf('checks'), file);
  const format = optional(written.format, placeOf('format'), file);
  const targetFormat = optional(written.target?.format, [...placeOf('target'), 'format'], file);
  const spec = fillStream({ ...context, written, steps: steps.list, checks: checks.list, sourceFormat: format.named, targetFormat: targetFormat.named });

  const options = [steps, checks, format, targetFormat].flatMap(({ problems }) => problems);
  const broken = new Set([...own.broken, ...[...defaults.broken].filter((word) => !file.has([...at, word]))]);
  const times = timeProblems(written).map(({ word, message }) => file.problem(placeOf(word), message, 'value'));
  const rules = ruleProblems({ ...context, spec, written }, broken, placeOf, at, file);
  return { spec, problems: [...own.problems, ...options, ...times, ...rules] };
}

function parseWords<Words>(schema: typeof streamSchema | typeof defaultsSchema, raw: unknown, at: Path, file: YamlFile): ParsedWords<Words> {
  const first = schema.safeParse(raw);
  if (first.success) return { words: first.data as Partial<Words>, broken: new Set(), problems: [] };
  const problems = problemsOf(first.error.issues, { file, at, input: raw, schema, toCome: streamWordsToCome });
  const broken = new Set(first.error.issues.flatMap((issue) =>
    (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? [...issue.keys, ...misspeltWords(issue, { schema, input: raw })] : [String(issue.path[0] ?? '')])));
  const rest = schema.partial().safeParse(isMap(raw) ? Object.fromEntries(Object.entries(raw).filter(([word]) => !broken.has(word))) : {});
  return { words: (rest.success ? rest.data : {}) as Partial<Words>, broken, problems };
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const optional = (raw: unknown, at: Path, file: YamlFile): ParsedOptions => (raw === undefined ? { named: null, problems: [] } : parseNamed(formatKind, raw, at, file));

function timeProblems({ lookback, settle }: Partial<RawStream>): readonly { readonly word: string; readonly message: string }[] {
  const wrong = lookback === undefined ? null : lookbackProblem(lookback);
  return [
    ...(wrong ? [{ word: 'lookback', message: wrong }] : []),
    ...(settle !== undefined && durationOf(settle) === null ? [{ word: 'settle', message: `"settle" is "${settle}"; write a duration such as "1 minute"` }] : []),
  ];
}

function ruleProblems(input: RuleInput, broken: ReadonlySet<string>, placeOf: (word: string) => Path, at: Path, file: YamlFile): readonly Problem[] {
  const told = streamRules.flatMap((rule) => {
    const message = rule.words.some((word) => broken.has(word)) ? null : rule.judge(input);
    const word = rule.words.find((candidate) => input.written[candidate] !== undefined);
    return message ? [file.problem(word ? placeOf(word) : at, message)] : [];
  });
  return [...told, ...refusedWords(input).map(({ word, message }) => file.problem(placeOf(word), message))];
}
