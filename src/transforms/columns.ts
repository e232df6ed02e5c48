import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import type { Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { quoteIdentifier } from './quote';
import type { CompileInput, Guard, Projection } from './step';

/** `"*"` or a list of names. */
export const columnsOption = z.union([z.literal('*'), z.array(z.string()).min(1)]).describe('Column names, or "*" for all that fit');

/** One of some words, `null` among them: in YAML a bare null is no text. */
export const wordOption = <const Words extends readonly [string, ...string[]]>(words: Words) => z.preprocess((value) => (value === null ? 'null' : value), z.enum(words));

/** DuckDB type, as it reaches SQL. */
export const typeOption = z.string().regex(/^[A-Za-z][A-Za-z0-9_ ]*(\(\s*\d+\s*(,\s*\d+\s*)?\))?(\[\])?$/, 'is no type; write one such as BIGINT or DECIMAL(18,2)');

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

/** Some columns replaced in place, new ones at the end. */
export const placing = (input: CompileInput, placed: ReadonlyMap<string, string>): readonly Projection[] => {
  const known = new Set(input.columns.map(({ name }) => name));
  return [...replacing(input, placed), ...[...placed].filter(([name]) => !known.has(name)).map(([name, sql]) => ({ name, sql, computed: true }))];
};

/** The column as VARCHAR. */
export const textOf = (column: Column): string => (isText(column) ? quoteIdentifier(column.name) : `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`);

/** A value that was there and gave none. */
export const lost = (column: Column, sql: string, reason: string, output = column.name): Guard =>
  ({ column: column.name, output, reason, when: `${quoteIdentifier(column.name)} IS NOT NULL AND (${sql}) IS NULL` });

/** Refuses a column that must be text or bytes and is neither. */
export function refuseOtherTypes(column: Column, word: string, types: readonly string[]): void {
  if (!types.some((type) => column.type === type || column.type.startsWith(`${type}(`))) throw new ConfigurationError(`compiling step "${word}": column "${column.name}" is ${column.type}, it must be ${types.join(' or ')}`, { step: word, column: column.name });
}

/** A new column must not hide one that is there. */
export function refuseTaken(name: string, input: CompileInput, word: string): void {
  if (input.columns.some((column) => column.name === name)) throw new ConfigurationError(`compiling step "${word}": there is already a column "${name}"; give the new one another name, or drop that one first`, { step: word, column: name });
}

/** A user's expression: its value, NULL where it fails. */
export const tried = (expression: string): string => `TRY((${expression}))`;
/** Tells a failed expression from one that is NULL: TRY turns only an error into NULL here. */
export const fails = (expression: string): string => `TRY(((${expression}) IS NULL)) IS NULL`;
