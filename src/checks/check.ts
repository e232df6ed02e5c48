import type { z } from 'zod';
import type { Dialect } from '../domain/canonical';
import type { Column } from '../domain/column';
import type { Reference } from '../transforms/step';

export interface CheckInput {
  readonly columns: readonly Column[];
  /** Quoted name of the relation; over staged rows it also has `_millrace_position`. */
  readonly relation: string;
  /** Of the system that is asked; absent: DuckDB, over staged rows. */
  readonly dialect?: Dialect;
  /** What `references` names, quoted, with its columns. */
  readonly references?: Readonly<Record<string, { readonly relation: string; readonly columns: readonly Column[] }>>;
  /** What this check measured in earlier runs of the stream, newest first, as their receipts say. Text of numbers. */
  readonly history?: readonly string[];
  /** What the source answers to `asksSource`, as text; null: it cannot be asked. */
  readonly source?: readonly (string | null)[] | null;
}

/** Judged row by row, in transform-batch: it gates its batch. */
export interface RowCheck {
  readonly kind: 'row';
  /** A row that meets any of these violates the check. SQL conditions over the columns; NULL counts as false. */
  readonly violations: readonly { readonly column: string | null; readonly when: string; readonly reason: string }[];
}

/** Judged at the gate, over all staged rows of the stream. */
export interface StreamCheck {
  readonly kind: 'stream';
  /**
   * One row over the relation: `failing` BIGINT and `message` VARCHAR (`row_count is 0, must be greater than 0`); `failing` 0 means
   * passed. Columns `measured` VARCHAR and `expected` VARCHAR go into the receipt, where later runs and people find them.
   */
  readonly sql: string;
  /** Condition, window functions allowed, true for rows to set aside under `on_fail: quarantine`; absent: that is refused. */
  readonly quarantine?: { readonly when: string; readonly column: string | null; readonly reason: string };
}

/** One word of `checks:`. Pure: options in, SQL out. */
export interface Check {
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  /** Strict object without `on_fail`, `where`: the registry adds these to each. */
  readonly optionsSchema: z.ZodType;
  /** Whether it tells which rows fail, so that they can be set aside. */
  readonly setsAside: boolean;
  /** Whether its SQL is understood by every destination that takes checks, so that it takes `at: destination`. */
  readonly asksDestination: boolean;
  references(options: unknown): Readonly<Record<string, Reference>>;
  /** How many earlier runs it looks at; 0: none. */
  historyOf(options: unknown): number;
  /** SQL aggregates that the source is asked for. */
  asksSource(options: unknown): readonly string[];
  compile(options: unknown, input: CheckInput): RowCheck | StreamCheck;
}

interface CheckDefinition<Name extends string, Schema extends z.ZodType> {
  readonly name: Name;
  readonly summary: string;
  readonly example: string;
  readonly optionsSchema: Schema;
  readonly setsAside?: false;
  readonly asksDestination?: false;
  references?(options: z.output<Schema>): Readonly<Record<string, Reference>>;
  historyOf?(options: z.output<Schema>): number;
  asksSource?(options: z.output<Schema>): readonly string[];
  compile(options: z.output<Schema>, input: CheckInput): RowCheck | StreamCheck;
}

export function defineCheck<const Name extends string, Schema extends z.ZodType>(definition: CheckDefinition<Name, Schema>): Check & { readonly name: Name } {
  const { references, historyOf, asksSource, setsAside = true, asksDestination = true, compile, ...rest } = definition;
  return {
    ...rest, setsAside, asksDestination,
    references: (options) => references?.(options as z.output<Schema>) ?? {},
    historyOf: (options) => historyOf?.(options as z.output<Schema>) ?? 0,
    asksSource: (options) => asksSource?.(options as z.output<Schema>) ?? [],
    compile: (options, input) => compile(options as z.output<Schema>, input),
  };
}
