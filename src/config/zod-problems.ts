import type { z } from 'zod';
import { notAvailable, valuesToCome } from './not-available';
import { meant, suggestion, unknownWord, type Problem } from './problems';
import type { Path, YamlFile } from './yaml-file';

type Issue = z.core.$ZodIssue;

interface Place {
  readonly file: YamlFile;
  /** Where the parsed value stands in the file. */
  readonly at: Path;
  readonly input: unknown;
  readonly schema: z.ZodType;
  /** Words that are refused by name: word → what to do instead. */
  readonly toCome?: Readonly<Record<string, string>>;
  /** Values are not repeated in messages: connections may hold secrets. */
  readonly confidential?: boolean;
}

/** Zod's issues in Millrace's words, each at its place. A required word that is there misspelt is one problem, not two. */
export function problemsOf(issues: readonly Issue[], place: Place): readonly Problem[] {
  const misspelt = issues.flatMap((issue) => misspeltWords(issue, place).map((word) => [...issue.path, word].join('.')));
  const missing = (issue: Issue): boolean => valueAt(place.input, issue.path as Path) === undefined && misspelt.includes(issue.path.join('.'));
  return issues.filter((issue) => !missing(issue)).flatMap((issue) => issueProblems(issue, place));
}

/** The words that the unknown keys of an issue were probably meant to be. */
export function misspeltWords(issue: Issue, { schema, input }: Pick<Place, 'schema' | 'input'>): readonly string[] {
  if (issue.code !== 'unrecognized_keys') return [];
  const free = freeKeys(schema, issue.path as Path, valueAt(input, issue.path as Path));
  return issue.keys.flatMap((key) => meant(key, free) ?? []);
}

function issueProblems(issue: Issue, place: Place): readonly Problem[] {
  const within = issue.path as Path;
  const path = [...place.at, ...within];
  const value = valueAt(place.input, within);
  const word = String(path.at(-1) ?? 'the file');
  const at = (message: string): readonly Problem[] => [place.file.problem(path, message, 'value')];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => place.file.problem([...path, key], unknownKey(key, value, place, within)));
    case 'invalid_type':
      if (value === undefined) return [place.file.problem(path, `"${word}" is missing`)];
      return at(`"${word}" must be ${article(issue.expected)}, it is ${shapeOf(value, place)}`);
    case 'invalid_value':
      return at(place.confidential ? `"${word}" must be one of ${issue.values.map(String).join(', ')}` : unknownValue(word, value, issue.values.map(String)));
    case 'invalid_union':
      return unionProblems(issue.errors, issue, place, word, value);
    case 'too_small':
      return at(`"${word}" must ${issue.origin === 'array' || issue.origin === 'string' ? 'not be empty' : `be at least ${issue.minimum}`}`);
    case 'too_big':
      return at(`"${word}" must be at most ${issue.maximum}`);
    case 'invalid_key':
      return at(`"${word}" is no valid name`);
    default:
      return at(issue.message.startsWith('"') || value === undefined ? issue.message : `"${word}" ${issue.message}`);
  }
}

/** Of a choice, the branch that came furthest says what is wrong; branches of another shape say only that. */
function unionProblems(branches: readonly Issue[][], issue: Issue, place: Place, word: string, value: unknown): readonly Problem[] {
  if (branches.length === 0) {
    const known = discriminating(place.schema, issue.path as Path).join(', ');
    return [place.file.problem([...place.at, ...(issue.path as Path)], value === undefined ? `"${word}" is missing; write one of ${known}` : `"${word}" must be one of ${known}`, 'value')];
  }
  if (value === undefined) return [place.file.problem([...place.at, ...(issue.path as Path)], `"${word}" is missing`)];
  const sameShape = branches.filter((issues) => !issues.some(({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')));
  const chosen = sameShape[0];
  if (chosen) return problemsOf(chosen.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })), place);
  const expected = branches.flat().filter(({ path }) => path.length === 0).map((inner) => (inner.code === 'invalid_type' ? article(inner.expected) : inner.code === 'invalid_value' ? inner.values.map((known) => JSON.stringify(known)).join(' or ') : inner.message));
  return [place.file.problem([...place.at, ...(issue.path as Path)], `"${word}" must be ${[...new Set(expected)].join(' or ')}, it is ${shapeOf(value, place)}`, 'value')];
}

/** Values of the word by which a choice tells its branches apart. */
const discriminating = (schema: z.ZodType, path: Path): readonly string[] =>
  (schemaAt(schema, path.slice(0, -1))?.def?.options ?? []).flatMap((option) => {
    const { values = [] } = ((option as Shaped).shape?.[String(path.at(-1))]?.def ?? {}) as { readonly values?: readonly unknown[] };
    return values.map(String);
  });

function unknownKey(key: string, holder: unknown, place: Place, within: Path): string {
  const instead = within.length === 0 ? place.toCome?.[key] : undefined;
  if (instead) return notAvailable(key, instead);
  const hint = suggestion(key, freeKeys(place.schema, within, holder));
  return hint ? `unknown word "${key}"${hint}` : unknownWord('word', key, keysOf(schemaAt(place.schema, within)));
}

/** Words that could still be written at a place. */
const freeKeys = (schema: z.ZodType, within: Path, holder: unknown): readonly string[] =>
  keysOf(schemaAt(schema, within)).filter((name) => typeof holder !== 'object' || holder === null || !(name in holder));

function unknownValue(word: string, value: unknown, known: readonly string[]): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const instead = valuesToCome[word]?.[text];
  return instead ? notAvailable(`${word}: ${text}`, instead) : unknownWord(word, text, known);
}

export const valueAt = (input: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, segment) => (typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[segment] : undefined), input);

interface Shaped {
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly def?: { readonly innerType?: z.ZodType; readonly element?: z.ZodType; readonly in?: z.ZodType; readonly valueType?: z.ZodType; readonly options?: readonly z.ZodType[] };
}

/** The schema at a path below another one, through optional, default, arrays and choices; null where it cannot be told. */
function schemaAt(schema: z.ZodType | undefined, path: Path): Shaped | null {
  if (!schema) return null;
  const shaped = schema as Shaped;
  const inner = shaped.def?.innerType ?? shaped.def?.in;
  if (inner) return schemaAt(inner, path);
  if (path.length === 0) return shaped;
  const [first, ...rest] = path;
  if (shaped.def?.options) return shaped.def.options.map((option) => schemaAt(option, path)).find((found) => found !== null) ?? null;
  return schemaAt(shaped.shape?.[String(first)] ?? shaped.def?.element ?? shaped.def?.valueType, rest);
}

const keysOf = (schema: Shaped | null): readonly string[] =>
  schema?.shape ? Object.keys(schema.shape) : [...new Set((schema?.def?.options ?? []).flatMap((option) => keysOf(schemaAt(option, []))))];

const articles: Readonly<Record<string, string>> = { string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', array: 'a list', object: 'a map of words', record: 'a map of words' };
const article = (expected: string): string => articles[expected] ?? expected;

function shapeOf(value: unknown, { confidential }: Place): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (confidential) return typeof value === 'string' ? 'text' : `a ${typeof value}`;
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : String(value);
}
