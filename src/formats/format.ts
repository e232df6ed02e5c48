import type { z } from 'zod';
import type { Column } from '../domain/column';
import type { Session } from '../transforms/duckdb-engine';
import type { Tally } from './tally';

export interface ReadRequest {
  /** Absolute local path of one landing file. */
  readonly path: string;
  /** The columns of the plan, in order; the file's own order may differ where it has names. */
  readonly columns: readonly Column[];
  /**
   * Name for the TEMP relation (table or view) to create: exactly `columns` by name and type and then, where
   * `ordinals` is set, `_millrace_ordinal` BIGINT: the record's number in the file, from 0, in file order.
   */
  readonly relation: string;
  readonly ordinals: boolean;
  /** Second visit, after values were met that the columns cannot hold: they must go to `rejects` now. */
  readonly careful?: boolean;
  /**
   * First visit, in the hope that every record is as it should be: the relation may be one pass over the file that fails with
   * UnreadableValueError on the first that is not, whatever is asked of it. Then `read` is called again without.
   */
  readonly trusting?: boolean;
  /**
   * Name for the TEMP TABLE of records that cannot be read as `columns`, to create where the format can have such:
   * `ordinal` BIGINT (as above; unique), `line` BIGINT (1-based line of the file, or null), `raw` VARCHAR (the record's text, as JSON string or
   * as the JSON object it is), `reasons` VARCHAR: JSON `[{"column": "total" | null, "reason": "…"}]`.
   */
  readonly rejects: string;
}

export interface ReadResult {
  /** Whether `rejects` was created. */
  readonly rejects: boolean;
}

/** A record of a format that DuckDB does not read, as it is found in the file. */
export interface ConvertedRecord {
  /** 1-based line or row; null where the format has none. */
  readonly line: number | null;
  /** JSON object; numbers and times are text in it, so that none loses digits. Null where there is a problem. */
  readonly body: string | null;
  /** Why it cannot be read; then `raw` is its text as JSON. */
  readonly problem: string | null;
  readonly raw?: string;
}

/** A way to lay records out in a file. */
export interface Format {
  readonly name: string;
  readonly summary: string;
  /** File endings it is taken for, without dot and without a compression's ending: `csv`, `tsv`. */
  readonly extensions: readonly string[];
  readonly optionsSchema: z.ZodType;
  /** True: the head of a file, cut at a line's end, reads as a smaller file. */
  readonly cutsAtLines?: boolean;
  /** Column names and types from at most `sampleRows` records of each file (semantics 4). */
  infer(session: Session, path: string, options: unknown, sampleRows: number): Promise<readonly Column[]>;
  /** Records in the file as the format counts them, readable or not: the source's own count. */
  count(session: Session, path: string, options: unknown): Promise<number>;
  /** What counts a file's records by its bytes as they pass, each one once. Looks at the file's beginning, of which some megabytes suffice. Null or absent: only `count` can tell. */
  tally?(path: string, options: unknown): Promise<Tally | null>;
  read(session: Session, options: unknown, request: ReadRequest): Promise<ReadResult>;
  /** Fills in what the options leave to the file ("auto"): encoding, dialect. Looks at its beginning; the same file gives the same answer. */
  resolve?(path: string, options: unknown): Promise<unknown>;
  /** Formats that DuckDB does not read: all records, readable or not, one group in memory at a time. They land as `landed_records`. */
  convert?(path: string, options: unknown, signal?: AbortSignal): AsyncIterable<readonly ConvertedRecord[]>;
  /** Whether a piece of a file that begins and ends at line breaks can be read as a file: then it can be followed as it grows. */
  readonly followable?: boolean;
  /** Options in parentheses of DuckDB's `COPY … TO`, e.g. `FORMAT parquet, COMPRESSION zstd`; absent: cannot be written. */
  copyOptions?(options: unknown): string;
  /** SQL for a value where the format has no words of its own for it; `quoted`: the column. Absent: every value is written as DuckDB writes it. */
  writtenAs?(column: Column, quoted: string): string;
}

interface FormatDefinition<Name extends string, Schema extends z.ZodType> extends Omit<Format, 'name' | 'optionsSchema' | 'infer' | 'count' | 'tally' | 'read' | 'resolve' | 'convert' | 'copyOptions'> {
  readonly name: Name;
  readonly optionsSchema: Schema;
  infer(session: Session, path: string, options: z.output<Schema>, sampleRows: number): Promise<readonly Column[]>;
  count(session: Session, path: string, options: z.output<Schema>): Promise<number>;
  tally?(path: string, options: z.output<Schema>): Promise<Tally | null>;
  read(session: Session, options: z.output<Schema>, request: ReadRequest): Promise<ReadResult>;
  resolve?(path: string, options: z.output<Schema>): Promise<z.output<Schema>>;
  copyOptions?(options: z.output<Schema>): string;
}

export function defineFormat<const Name extends string, Schema extends z.ZodType>(definition: FormatDefinition<Name, Schema>): Format & { readonly name: Name } {
  const { optionsSchema: schema, infer, count, tally, read, resolve, copyOptions, ...rest } = definition;
  return {
    ...rest,
    optionsSchema: schema,
    infer: (session, path, options, sampleRows) => infer(session, path, schema.parse(options), sampleRows),
    count: (session, path, options) => count(session, path, schema.parse(options)),
    read: (session, options, request) => read(session, schema.parse(options), request),
    ...(tally && { tally: (path: string, options: unknown) => tally(path, schema.parse(options)) }),
    ...(resolve && { resolve: (path: string, options: unknown) => resolve(path, schema.parse(options)) }),
    ...(copyOptions && { copyOptions: (options: unknown) => copyOptions(schema.parse(options)) }),
  };
}

/** Column of `relation` that carries a record's number in its file. */
export const ordinalColumn = '_millrace_ordinal';
