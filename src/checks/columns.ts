import { distance } from 'fastest-levenshtein';
import { ConfigurationError } from '../domain/errors';
import { quoteIdentifier } from '../transforms/quote';
import type { CheckInput } from './check';

/** The quoted column; an unknown one is refused with the nearest name. */
export function columnOf(name: string, { columns }: CheckInput, check: string): string {
  if (columns.some((column) => column.name === name)) return quoteIdentifier(name);
  const known = columns.map((column) => column.name);
  const nearest = [...known].sort((left, right) => distance(left, name) - distance(right, name))[0];
  throw new ConfigurationError(`compiling check "${check}": there is no column "${name}"${nearest ? `; did you mean "${nearest}"?` : ''} (columns: ${known.join(', ')})`, { check, column: name });
}
