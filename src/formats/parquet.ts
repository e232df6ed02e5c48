import { z } from 'zod';
import { quoteIdentifier, quoteLiteral, quoteList } from '../transforms/quote';
import { EtlError, SourceHeldError, UnreadableValueError } from '../domain/errors';
import { defineFormat, ordinalColumn } from './format';

export const parquet = defineFormat({
  name: 'parquet',
  summary: 'Apache Parquet',
  extensions: ['parquet'],
  optionsSchema: z.strictObject({ compression: z.enum(['snappy', 'zstd', 'gzip', 'uncompressed']).default('snappy').describe('When writing') }),
  async infer(session, path) {
    const rows = await refusing(() => session.rows(`DESCRIBE SELECT * FROM read_parquet(${quoteLiteral(path)})`));
    return rows.map((row) => ({ name: row['column_name']!, type: row['column_type']!, nullable: true }));
  },
  count: (session, path) => refusing(async () => Number((await session.row(`SELECT count(*) AS n FROM read_parquet(${quoteLiteral(path)})`))['n'])),
  async read(session, _options, { path, columns, relation, ordinals }) {
    // A column that an older file does not have is NULL in it.
    const there = new Set((await session.rows(`DESCRIBE SELECT * FROM read_parquet(${quoteLiteral(path)})`)).map((row) => row['column_name']!));
    const values = columns.map(({ name, type }) => (there.has(name) ? `CAST(${quoteIdentifier(name)} AS ${type})` : `CAST(NULL AS ${type})`) + ` AS ${quoteIdentifier(name)}`);
    const ordinal = ordinals ? `, file_row_number AS ${quoteList([ordinalColumn])}` : '';
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${values.join(', ')}${ordinal} FROM read_parquet(${quoteLiteral(path)}${ordinals ? ', file_row_number = true' : ''})`);
    return { rejects: false };
  },
  copyOptions: ({ compression }) => `FORMAT parquet, COMPRESSION ${compression}`,
});

async function refusing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (EtlError.is(error) && !(error instanceof UnreadableValueError)) throw error;
    throw new SourceHeldError(`reading a Parquet file: ${(error as Error).message.split('\n')[0]!.replace(/^running a DuckDB query: |; mend .*$/g, '')}; fetch the file again, then "millrace resume RUN"`);
  }
}
