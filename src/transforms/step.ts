import type { z } from 'zod';
import type { Column } from '../domain/column';

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
  /** Output column that this value would have gone to. */
  readonly output: string;
}

/** Row by row: same rows, other columns. */
export interface Rows {
  readonly kind: 'rows';
  /** All output columns in order. */
  readonly columns: readonly Projection[];
  readonly guards: readonly Guard[];
}

/** Some of the rows, unchanged. */
export interface Keep {
  readonly kind: 'keep';
  /** SQL condition over the input's columns, window functions allowed; a row stays where it is true (NULL: it goes). */
  readonly condition: string;
  readonly counts: 'filtered' | 'deduplicated';
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

/** Another stream or a file that a step reads whole (semantics 5). */
export type Reference = { readonly stream: string } | { readonly file: string };

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
  compile(options: z.output<Schema>, input: CompileInput): Compiled;
}

/** Options reach the functions already parsed by `optionsSchema` (config does it once), so no function parses again. */
export function defineStep<const Name extends string, Schema extends z.ZodType>(definition: StepDefinition<Name, Schema>): Step & { readonly name: Name } {
  const { scope, references, compile, takesOnError, ...rest } = definition;
  return {
    ...rest,
    takesOnError: takesOnError ?? false,
    scope: (options) => scope?.(options as z.output<Schema>) ?? 'row',
    references: (options) => references?.(options as z.output<Schema>) ?? {},
    compile: (options, input) => compile(options as z.output<Schema>, input),
  };
}
