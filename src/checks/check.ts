import type { z } from 'zod';
import type { Column } from '../domain/column';

export interface CheckInput {
  readonly columns: readonly Column[];
  /** Quoted name of the relation; it also has `_millrace_position`. */
  readonly relation: string;
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
  /** One row over the relation: `failing` BIGINT and `message` VARCHAR (`row_count is 0, must be greater than 0`); `failing` 0 means passed. */
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
  compile(options: unknown, input: CheckInput): RowCheck | StreamCheck;
}

interface CheckDefinition<Name extends string, Schema extends z.ZodType> extends Omit<Check, 'name' | 'optionsSchema' | 'compile'> {
  readonly name: Name;
  readonly optionsSchema: Schema;
  compile(options: z.output<Schema>, input: CheckInput): RowCheck | StreamCheck;
}

export function defineCheck<const Name extends string, Schema extends z.ZodType>(definition: CheckDefinition<Name, Schema>): Check & { readonly name: Name } {
  return { ...definition, compile: (options, input) => definition.compile(options as z.output<Schema>, input) };
}
