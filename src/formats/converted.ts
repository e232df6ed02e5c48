import { z } from 'zod';
import type { Column } from '../domain/column';
import { quoteIdentifier } from '../transforms/quote';
import type { Session } from '../transforms/duckdb-engine';
import { defineFormat, type ConvertedRecord, type Format } from './format';
import { inferMembers, jsonRecords } from './json-records';
import { judgeRecords } from './judge';
import { scratchFile, withScratch } from './records';
import { csvLine, openTextFile } from './text-file';

export type Conversion = AsyncIterable<readonly ConvertedRecord[]>;

const layout = { line: 'BIGINT', problem: 'VARCHAR', raw: 'VARCHAR', body: 'VARCHAR' };

/** Writes records as text that DuckDB reads, one group in memory at a time; returns how many there are. */
export async function landConverted(records: Conversion, to: string, most = Number.POSITIVE_INFINITY): Promise<number> {
  const file = await openTextFile(to);
  let count = 0;
  try {
    for await (const group of records) {
      for (const { line, problem, raw, body } of group) {
        if (count === most) return count;
        await file.write(csvLine([line, problem, raw ?? null, body]));
        count += 1;
      }
    }
    return count;
  } finally {
    await file.close();
  }
}

const recordsOf = (path: string): string => scratchFile(path, layout);

const flattens = (options: unknown): boolean => (options as { readonly flatten?: boolean }).flatten === true;

/** What formats of that kind land as. Written by the file source, never named by users. */
export const landedRecords = defineFormat({
  name: 'landed_records',
  summary: 'Records that were read one by one',
  extensions: [],
  optionsSchema: z.strictObject({ flatten: z.boolean().default(false) }),
  infer: () => Promise.reject(new Error('landed records have no types of their own; their format tells them')),
  count: async (session, path) => Number((await session.row(`SELECT count(*) AS n FROM ${recordsOf(path)}`))['n']),
  read: (session, { flatten }, request) => judgeRecords(session, jsonRecords(`(SELECT row_number() OVER () - 1 AS ordinal, line, body AS raw, problem, raw AS shown FROM ${recordsOf(request.path)})`, request.columns, flatten), request),
});

interface ConvertedDefinition<Name extends string, Schema extends z.ZodType> {
  readonly name: Name;
  readonly summary: string;
  readonly extensions: readonly string[];
  readonly optionsSchema: Schema;
  convert(path: string, options: z.output<Schema>, signal?: AbortSignal): Conversion;
  /** All values are text that speaks for itself: "12" is a number there. */
  readonly untyped?: boolean;
  /** Where the file itself tells its columns. */
  columns?(path: string, options: z.output<Schema>): Promise<readonly Column[]>;
}

/** A format whose records go through the worker's own code, one bounded group at a time. */
export function defineConvertedFormat<const Name extends string, Schema extends z.ZodType>({ convert, untyped = false, columns, ...rest }: ConvertedDefinition<Name, Schema>): Format & { readonly name: Name } {
  const scratched = <Result>(session: Session, records: Conversion, work: (file: string) => Promise<Result>, most?: number): Promise<Result> => withScratch(session, async (folder) => {
    await landConverted(records, `${folder}/records.csv`, most);
    return await work(`${folder}/records.csv`);
  });
  const format = defineFormat({
    ...rest,
    infer: (session, path, options, sampleRows) => (columns ? columns(path, options) : scratched(session, convert(path, options), (file) => inferMembers(session, `(SELECT body AS raw FROM ${recordsOf(file)})`, sampleRows, { flatten: flattens(options), untyped }), sampleRows)),
    async count(_session, path, options) {
      let count = 0;
      for await (const group of convert(path, options)) count += group.length;
      return count;
    },
    read: (session, options, request) => scratched(session, convert(request.path, options), async (file) => {
      const result = await landedRecords.read(session, { flatten: flattens(options) }, { ...request, path: file, relation: `${request.relation}_landed` });
      // The scratch file goes away; what was judged stays in its table.
      await session.run(`CREATE TEMP VIEW ${quoteIdentifier(request.relation)} AS SELECT * FROM ${quoteIdentifier(`${request.relation}_landed`)}`);
      return result;
    }),
  });
  return { ...format, convert: (path, options, signal) => convert(path, rest.optionsSchema.parse(options) as z.output<Schema>, signal) };
}
