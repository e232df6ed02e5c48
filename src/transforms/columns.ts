import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import type { Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { quoteIdentifier } from './quote';
import type { CompileInput, Projection } from './step';

/** `"*"` or a list of names. */
export const columnsOption = z.union([z.literal('*'), z.array(z.string()).min(1)]).describe('Column names, or "*" for all that fit');

/** The named columns; an unknown one is refused with the nearest name. */
export function pick(names: readonly string[] | '*', input: CompileInput, word: string): readonly Column[] {
  return names === '*' ? input.columns : names.map((name) => find(name, input, word));
}

export function find(name: string, input: CompileInput, word: string): Column {
  const found = input.columns.find((column) => column.name === name);
  if (found) return found;
  const known = input.columns.map((column) => column.name);
  const nearest = [...known].sort((left, right) => distance(left, name) - distance(right, name))[0];
  throw new ConfigurationError(`compiling step "${word}": there is no column "${name}" here${nearest ? `; did you mean "${nearest}"?` : ''} (columns: ${known.join(', ')})`, { step: word, column: name });
}

export const isText = ({ type }: Column): boolean => type === 'VARCHAR';

export const same = ({ name }: Column): Projection => ({ name, sql: quoteIdentifier(name), computed: false });

/** All input columns, some of them replaced in place. */
export const replacing = (input: CompileInput, replaced: ReadonlyMap<string, string>): readonly Projection[] =>
  input.columns.map((column) => {
    const sql = replaced.get(column.name);
    return sql === undefined ? same(column) : { name: column.name, sql, computed: true };
  });

/** A user's expression: its value, NULL where it fails. */
export const tried = (expression: string): string => `TRY((${expression}))`;
/** Tells a failed expression from one that is NULL: TRY turns only an error into NULL here. */
export const fails = (expression: string): string => `TRY(((${expression}) IS NULL)) IS NULL`;
