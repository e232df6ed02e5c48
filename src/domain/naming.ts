import { ConfigurationError } from './errors';
import type { Column } from './column';

/** Longest identifier that every destination takes, in bytes (Postgres' limit). */
const longest = 63;

/** A name that `name` is part of, shortened where it would be too long; `mark` keeps two shortened ones apart. */
export function nameWith(prefix: string, name: string, mark: string): string {
  const whole = prefix + name;
  if (new TextEncoder().encode(whole).length <= longest) return whole;
  const room = longest - prefix.length - mark.length - 1;
  let kept = name;
  while (new TextEncoder().encode(kept).length > room) kept = [...kept].slice(0, -1).join('');
  return `${prefix}${kept}_${mark}`;
}

/** `CloseDate` → `close_date`, `IMDB Rating` → `imdb_rating`. */
export const snakeCase = (name: string): string =>
  name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1_$2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '') || 'column';

/** Destinations do not tell names apart by case, whatever the naming. */
const remedyFor = (one: string, other: string): string =>
  (one.toLowerCase() === other.toLowerCase() ? 'they differ in case only: leave one of them out (by "columns" of an API\'s stream, by a query of a database), or rename one in the source' : 'set "naming: keep" or rename one in the source');

/** Names of a stream's columns in the destination, in order. Throws where two would become one or one is too long. */
export function namesOf(columns: readonly Column[], naming: 'snake_case' | 'keep', stream: string): readonly string[] {
  const names = columns.map(({ name }) => (naming === 'keep' ? name : snakeCase(name)));
  names.forEach((name, index) => {
    const original = columns[index]!.name;
    const first = names.findIndex((other) => other.toLowerCase() === name.toLowerCase());
    if (first < index) throw new ConfigurationError(`naming the columns of "${stream}": "${columns[first]!.name}" and "${original}" would both be "${name}"; ${remedyFor(columns[first]!.name, original)}`);
    if (new TextEncoder().encode(name).length > longest) throw new ConfigurationError(`naming the columns of "${stream}": "${original}" is longer than ${longest} bytes; shorten it with a rename in the source's query`);
  });
  return names;
}

/** What to add to a message about a name that is not among others, where it is the source's name of one that is. */
export function writtenHere(name: string, known: readonly string[]): string {
  const here = known.find((other) => other === snakeCase(name) || other.toLowerCase() === name.toLowerCase());
  return here === undefined ? '' : `; it is called "${here}" here: write that, or set "naming: keep"`;
}
