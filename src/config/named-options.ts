import type { JsonObject } from '../domain/json';
import type { NamedOptions } from '../domain/pipeline';
import { unknownWord, type Problem } from './problems';
import type { Word } from './vocabulary';
import type { Path, YamlFile } from './yaml-file';
import { problemsOf } from './zod-problems';

/** `step`, `check` or `format`: the words it may be, and those that will come. */
export interface Kind {
  readonly name: string;
  readonly words: readonly Word[];
  readonly toCome: readonly string[];
  /** What to do meanwhile, where there is something to say. */
  readonly instead?: Readonly<Record<string, string>>;
}

export interface ParsedOptions {
  readonly named: NamedOptions | null;
  readonly problems: readonly Problem[];
}

/** `trim`, `trim: {…}` or, where the word takes nothing else, `trim:`; options go through the word's own schema. */
export function parseNamed(kind: Kind, raw: unknown, at: Path, file: YamlFile): ParsedOptions {
  const wrong = (path: Path, message: string): ParsedOptions => ({ named: null, problems: [file.problem(path, message)] });
  const names = typeof raw === 'string' ? [raw] : Object.keys(raw as object);
  const [name] = names;
  if (name === undefined) return wrong(at, `a ${kind.name} is missing here`);
  if (names.length > 1) return wrong([...at, names[1]!], `one ${kind.name} per list entry: write "- ${names[1]!}" on a line of its own, or indent it below "${name}"`);
  const path = typeof raw === 'string' ? at : [...at, name];
  const word = kind.words.find((known) => known.name === name);
  if (!word) return wrong(path, kind.toCome.includes(name) ? `${kind.name} "${name}" is not available yet${kind.instead?.[name] ? `; ${kind.instead[name]}` : ''}` : unknownWord(kind.name, name, kind.words.map((known) => known.name)));

  const input = typeof raw === 'string' ? {} : ((raw as Record<string, unknown>)[name] ?? {});
  const parsed = word.optionsSchema.safeParse(input);
  if (parsed.success) return { named: { name, options: parsed.data as JsonObject }, problems: [] };
  const problems = problemsOf(parsed.error.issues, { file, at: path, input, schema: word.optionsSchema });
  return { named: null, problems: problems.map((problem) => ({ ...problem, message: `${kind.name} "${name}": ${problem.message}` })) };
}

export function parseList(kind: Kind, raw: readonly unknown[], at: Path, file: YamlFile): { readonly list: readonly NamedOptions[]; readonly problems: readonly Problem[] } {
  const parsed = raw.map((entry, index) => parseNamed(kind, entry, [...at, index], file));
  return { list: parsed.flatMap(({ named }) => (named ? [named] : [])), problems: parsed.flatMap(({ problems }) => problems) };
}
