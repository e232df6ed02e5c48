import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { find } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { CompileInput, Reference } from './step';

/** Words for what a step reads besides its rows: another stream, a file or a table, whole (semantics 5). */
export const otherOptions = {
  stream: z.string().optional().describe('Another stream of this pipeline, taken whole; it runs first. One that is read by increments is taken as its target stands then'),
  file: z.string().optional().describe('A file, relative to connections.yaml'),
  table: z.string().optional().describe('A table of "connection"; it is copied once per run, so that all batches see the same'),
  connection: z.string().optional().describe('Connection that "table" is of, from connections.yaml'),
};
export const onOption = z.union([z.array(z.string()).min(1), z.record(z.string(), z.string())]).describe('Equal columns, or ours: theirs');
export const addedOption = z.union([z.array(z.string()), z.record(z.string(), z.string())]).describe('Their columns to add, or our name: theirs');

type Other = { readonly [Name in keyof typeof otherOptions]?: string | undefined };

/** Whether exactly one is named, and a table with its connection. */
export const namesOther = ({ stream, file, table, connection }: Other): boolean =>
  [stream, file, table].filter((given) => given !== undefined).length === 1 && (table === undefined) === (connection === undefined);
export const otherProblem = 'give one of stream, file, or table with connection';

export function otherReference(other: Other, word: string): Readonly<Record<string, Reference>> {
  if (!namesOther(other)) throw new ConfigurationError(`compiling step "${word}": ${otherProblem}`);
  const { stream, file, table, connection } = other;
  return { other: stream !== undefined ? { stream } : file !== undefined ? { file } : { connection: connection!, table: table! } };
}

export type Pairs = readonly (readonly [ours: string, theirs: string])[];
export const pairsOf = (written: readonly string[] | Readonly<Record<string, string>>): Pairs =>
  Array.isArray(written) ? (written as readonly string[]).map((name) => [name, name] as const) : Object.entries(written);

export function checkPairs(pairs: Pairs, input: CompileInput, word: string): void {
  const other = input.references['other']!;
  for (const [ours, theirs] of pairs) {
    find(ours, input, word);
    find(theirs, { columns: other.columns, relation: other.relation, references: {} }, word);
  }
}

/** Equality of keys of two tables; text meets numbers and dates as text, so that "7" finds 7. */
export function equalSql(left: string, leftType: string, right: string, rightType: string): string {
  const mixed = (leftType === 'VARCHAR') !== (rightType === 'VARCHAR');
  return mixed ? `CAST(${left} AS VARCHAR) = CAST(${right} AS VARCHAR)` : `${left} = ${right}`;
}

interface MatchRequest {
  readonly on: readonly string[] | Readonly<Record<string, string>>;
  readonly columns: Pairs;
  /** Of several rows with one key the first in this order counts; undefined: any, and `matches` tells that there are several. */
  readonly order: string | undefined;
}

/** The input joined to at most one row per key of the other table. `value` and `matches` are SQL over that. */
export function matchOf({ on, columns, order }: MatchRequest, input: CompileInput, word: string): { readonly from: string; value(theirs: string): string; readonly matches: string } {
  const other = input.references['other']!;
  const pairs = pairsOf(on);
  checkPairs(pairs, input, word);
  const theirs = { columns: other.columns, relation: other.relation, references: {} };
  const values = [...new Set(columns.map(([, name]) => find(name, theirs, word).name))];
  const typeOf = (name: string, list: CompileInput['columns']): string => list.find((column) => column.name === name)!.type;
  const keys = pairs.map(([, name], index) => `${quoteIdentifier(name)} AS "_millrace_k${index}"`);
  const outputs = values.map((name, index) => `${quoteIdentifier(name)} AS "_millrace_v${index}"`);
  const group = `PARTITION BY ${pairs.map(([, name]) => quoteIdentifier(name)).join(', ')}`;
  // Windows go to the disk where memory ends; aggregates that pick a row's values hold all of them in memory (measured: 10 million keys in 400 MB).
  const places = [`row_number() OVER (${group}${order === undefined ? '' : ` ORDER BY ${order}`}) AS _millrace_place`, `${order === undefined ? `count(*) OVER (${group})` : '1'} AS _millrace_n`];
  const grouped = `(SELECT * EXCLUDE (_millrace_place) FROM (SELECT ${[...keys, ...outputs, ...places].join(', ')} FROM ${other.relation}) WHERE _millrace_place = 1)`;
  const condition = pairs.map(([ours, name], index) => equalSql(`l.${quoteIdentifier(ours)}`, typeOf(ours, input.columns), `r."_millrace_k${index}"`, typeOf(name, other.columns)));
  return {
    from: `${input.relation} l LEFT JOIN ${grouped} r ON ${condition.join(' AND ')}`,
    value: (name) => `r."_millrace_v${values.indexOf(name)}"`,
    matches: 'coalesce(r._millrace_n, 0)',
  };
}

export const literalOf = (value: string | number | boolean, type: string): string => `CAST(${quoteLiteral(String(value))} AS ${type})`;
