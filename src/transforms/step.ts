import type { z } from 'zod';
import type { Column } from '../domain/column';
import type { JsonObject } from '../domain/json';
import type { Fetch } from './lookups';

/** An output column of a row step. */
export interface Projection {
  readonly name: string;
  /** SQL over the input's columns; gives NULL, never an error, where the value cannot be processed. */
  readonly sql: string;
  /** False: the value is the input column's own, so its source type stays. */
  readonly computed: boolean;
}

/** A value that a step cannot process. What then happens (`on_error`) is the engine's business, not the step's. */
export interface Guard {
  /** Input column. */
  readonly column: string;
  /** SQL condition over the input's columns; NULL counts as false. */
  readonly when: string;
  /** `is not a date of the form %Y-%m-%d`: follows the column's name; no row value in it. */
  readonly reason: string;
  /** SQL that gives the reason of one row, where it differs from row to row; NULL: `reason`. */
  readonly reasonSql?: string;
  /** Output column that this value would have gone to. */
  readonly output: string;
  /** Of a check that sets rows aside: its index in the stream's `checks`. */
  readonly check?: number;
}

/** Row by row: same rows, other columns. */
export interface Rows {
  readonly kind: 'rows';
  /** All output columns in order. */
  readonly columns: readonly Projection[];
  readonly guards: readonly Guard[];
  /** True: projections or guards look at other rows (window functions), so no row that is set aside may be among them. */
  readonly windowed?: boolean;
  /** FROM clause instead of the input relation: it, and something joined to it that gives each row exactly one match. Names besides the input's start with `_millrace_`. */
  readonly from?: string;
  /** Work that SQL cannot do, done before the projections; they may name its outputs. */
  readonly program?: Program;
  /** What is asked of a system outside, done before the projections; they may name `fetched`. */
  readonly fetch?: Fetch;
}

/**
 * Work outside DuckDB, for what SQL has no word for. The rows' inputs are written to a file, a child process reads it row by row
 * and writes another one, and that is joined to the rows by position: memory does not grow with the rows (program-runner.ts).
 */
export interface Program {
  /** A module of `programs/`. */
  readonly program: ProgramName;
  /** Without secrets. */
  readonly settings: JsonObject;
  /** Secrets that the program needs, by the name it knows them by: references such as `${env:KEY}`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** A user's file, relative to connections.yaml. */
  readonly file?: string;
  /** What each row hands over, by name: SQL that gives VARCHAR (BLOB as base64) or JSON. */
  readonly inputs: readonly { readonly name: string; readonly sql: string }[];
  /** What comes back for each row, beside `programError` VARCHAR (NULL: none). Types as DuckDB reads them from JSON. */
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
  readonly limits?: ProgramLimits;
}
export interface ProgramLimits {
  /** Of the child process. */
  readonly memoryMb: number;
  /** Seconds that one row may take. */
  readonly secondsPerRow: number;
}
export const programNames = ['js', 'crypt', 'decompress', 'parse', 'charset', 'normalize', 'unarchive'] as const;
export type ProgramName = (typeof programNames)[number];
/** Column of a program's reason why a row failed: `is not XML: …`; without row values. */
export const programError = '_millrace_program_error';

/** Some of the rows, unchanged. */
export interface Keep {
  readonly kind: 'keep';
  /** SQL condition over the input's columns, window functions allowed; a row stays where it is true (NULL: it goes). */
  readonly condition: string;
  readonly counts: 'filtered' | 'deduplicated';
  /** True: the condition looks at other rows (window functions), so no row that is set aside may be among them. */
  readonly windowed?: boolean;
  /** Rows for which the condition cannot be judged. */
  readonly guards?: readonly Guard[];
}

/** Other rows. */
export interface Reshape {
  readonly kind: 'reshape';
  /** SELECT over the input that gives the output columns; without the position column. */
  readonly select: string;
  /** One row over the input, counted apart from `select`: BIGINT columns `created`, `aggregated`, `filtered`, `deduplicated`. */
  readonly measure: string;
  /** Input columns that pass through untouched, by output name: their source type stays. */
  readonly untouched: readonly string[];
  /** True: `select` keeps `_millrace_position` as its last column. */
  readonly keepsPosition: boolean;
  /** Of a step that makes one row of each group: lets many of them be made part by part. */
  readonly grouping?: Grouping;
  /** Rows that cannot be reshaped. They are set aside first, and the step is compiled again over the others. */
  readonly guards?: readonly Guard[];
}

export interface Grouping {
  /** SQL over the input, at least one. */
  readonly by: readonly string[];
  /** Their output columns, by which `select` orders. */
  readonly names: readonly string[];
  /** SQL aggregates as the user wrote them. */
  readonly measures: readonly string[];
}

export type Compiled = Rows | Keep | Reshape;

export interface CompileInput {
  /** Columns of the input, without the position column. */
  readonly columns: readonly Column[];
  /** Name of the input relation, quoted; it also has `_millrace_position` BIGINT, in source order. */
  readonly relation: string;
  /** Relations named by `references`, quoted, and their columns. */
  readonly references: Readonly<Record<string, { readonly relation: string; readonly columns: readonly Column[] }>>;
}

/** Another stream, a file or a table of a connection that a step reads whole (semantics 5). */
export type Reference = { readonly stream: string } | { readonly file: string } | TableReference;
export interface TableReference {
  readonly connection: string;
  /** As a stream of that connection is named: a table, or what else it reads. */
  readonly table: string;
}

/** SQL that the user wrote, as a statement that can be parsed, and the relations it may read. */
export interface UserSql {
  readonly sql: string;
  readonly allowed: readonly string[];
}
/** An expression over the row. */
export const userExpression = (text: string): UserSql => ({ sql: `SELECT (${text}) AS value FROM input`, allowed: ['input'] });

/**
 * One word of `steps:`. Pure: options and input in, SQL out; the engine runs it, counts it and sets rejects aside.
 * `compile` throws ConfigurationError for what can be known without data (an unknown column, with a suggestion).
 */
export interface Step {
  readonly name: string;
  readonly summary: string;
  /** A YAML fragment for docs. */
  readonly example: string;
  readonly optionsSchema: z.ZodType;
  /** Whether it takes `on_error`. */
  readonly takesOnError: boolean;
  /** row: each row on its own, runs per batch. stream: needs all rows. */
  scope(options: unknown): 'row' | 'stream';
  references(options: unknown): Readonly<Record<string, Reference>>;
  /** References such as `${env:KEY}` that SQL reads with `secretSql`; the worker puts them in, per activity (secrets.ts). */
  secrets(options: unknown): readonly string[];
  /** Refused where it reads more than it may. */
  userSql(options: unknown): readonly UserSql[];
  /** True: it can neither drop, add nor reject a row, so rows need no positions for its sake. */
  keepsRows(options: unknown): boolean;
  compile(options: unknown, input: CompileInput): Compiled;
}

interface StepDefinition<Name extends string, Schema extends z.ZodType> {
  readonly name: Name;
  readonly summary: string;
  readonly example: string;
  /** Strict object; each field described. Without `on_error`, which the registry adds where `takesOnError`. */
  readonly optionsSchema: Schema;
  readonly takesOnError?: boolean;
  scope?(options: z.output<Schema>): 'row' | 'stream';
  references?(options: z.output<Schema>): Readonly<Record<string, Reference>>;
  secrets?(options: z.output<Schema>): readonly string[];
  userSql?(options: z.output<Schema>): readonly UserSql[];
  keepsRows?(options: z.output<Schema>): boolean;
  compile(options: z.output<Schema>, input: CompileInput): Compiled;
}

/** Options reach the functions already parsed by `optionsSchema` (config does it once), so no function parses again. */
export function defineStep<const Name extends string, Schema extends z.ZodType>(definition: StepDefinition<Name, Schema>): Step & { readonly name: Name } {
  const { scope, references, secrets, userSql, keepsRows, compile, takesOnError, ...rest } = definition;
  return {
    ...rest,
    takesOnError: takesOnError ?? false,
    scope: (options) => scope?.(options as z.output<Schema>) ?? 'row',
    references: (options) => references?.(options as z.output<Schema>) ?? {},
    secrets: (options) => secrets?.(options as z.output<Schema>) ?? [],
    userSql: (options) => userSql?.(options as z.output<Schema>) ?? [],
    keepsRows: (options) => keepsRows?.(options as z.output<Schema>) ?? false,
    compile: (options, input) => compile(options as z.output<Schema>, input),
  };
}
