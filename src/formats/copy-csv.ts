import { z } from 'zod';
import type { Column } from '../domain/column';
import { EtlError, UnreadableValueError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { defineFormat, ordinalColumn } from './format';

/** An instant is printed as UTC without its zone; the CSV reader makes NULL of zoned text that it cannot read, instead of failing (verified). */
const zoned = 'TIMESTAMP WITH TIME ZONE';
const printedType = (type: string): string => (type === zoned ? 'TIMESTAMP' : type === 'BLOB' ? 'VARCHAR' : type);
const instant = (timestamp: string): string => `CASE WHEN isfinite(${timestamp}) THEN make_timestamptz(epoch_us(${timestamp})) ELSE CAST(${timestamp} AS ${zoned}) END`;
/** Bytes are printed as `\\x00ff`. */
const bytes = (text: string): string => `unhex(substr(${text}, 3))`;
const valueOf = ({ name, type }: Column, text: string): string => `${type === zoned ? instant(text) : type === 'BLOB' ? bytes(text) : text} AS ${quoteIdentifier(name)}`;

/** DuckDB hands out work in pieces of the longest line at least (verified: 128 MB costs 40 % of the speed); only a careful reader allows for huge ones. */
const longest = { fast: 8_000_000, careful: 128 * 1024 * 1024 };

/**
 * How a database's COPY prints rows: no header, NULL as an unquoted \N, everything else as the database's own text. The line break is
 * stated, since DuckDB else takes a CR LF inside the first quoted text for it (verified).
 */
function reader(path: string, columns: readonly Column[], typed: boolean, size = typed ? longest.fast : longest.careful): string {
  const types = columns.map(({ name, type }) => `${quoteLiteral(name)}: ${quoteLiteral(typed ? printedType(type) : 'VARCHAR')}`).join(', ');
  return `read_csv(${quoteLiteral(path)}, columns = {${types}}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', ` +
    `new_line = '\\n', nullstr = '\\N', allow_quoted_nulls = false, strict_mode = true, parallel = true, max_line_size = ${size}, buffer_size = ${2 * Math.max(size, 16_000_000)}, compression = 'none')`;
}

/** Work on the rows as the text they were printed as; once more, with room for huge lines, where one was too long for the fast way. */
export async function printedRows<Result>(session: Session, paths: readonly string[], columns: readonly Column[], work: (from: string) => Promise<Result>): Promise<Result> {
  const from = (size: number) => `(${paths.map((path) => `SELECT * FROM ${reader(path, columns, false, size)}`).join(' UNION ALL ')})`;
  return work(from(longest.fast)).catch((error: unknown) => {
    if (EtlError.is(error) && !(error instanceof UnreadableValueError)) throw error;
    return work(from(longest.careful));
  });
}

/** Written by connectors, never named by users. */
export const copyCsv = defineFormat({
  name: 'copy_csv',
  summary: 'Rows as a database\'s COPY prints them',
  extensions: [],
  optionsSchema: z.strictObject({ fields: z.number().int().positive().describe('Values in a row') }),
  infer: () => Promise.reject(new Error('copy_csv has no types of its own; the source tells them')),
  async count(session, path, { fields }) {
    const columns = Array.from({ length: fields }, (_unused, index): Column => ({ name: `f${index}`, type: 'VARCHAR', nullable: true }));
    const counted = async (fast: boolean) => Number((await session.row(`SELECT count(*) AS n FROM ${reader(path, columns, fast)}`))['n']);
    return await counted(true).catch((error: unknown) => {
      if (EtlError.is(error) && !(error instanceof UnreadableValueError)) throw error;
      return counted(false);
    });
  },
  /** Fast: one typed view, which fails as a whole on a value that DuckDB cannot hold. Careful: such rows go to the rejects. */
  async read(session, _options, { path, columns, relation, ordinals, rejects, careful }) {
    if (!careful) {
      const ordinal = ordinals ? `, row_number() OVER () - 1 AS ${quoteIdentifier(ordinalColumn)}` : '';
      const values = columns.map((column) => valueOf(column, quoteIdentifier(column.name)));
      await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${values.join(', ')}${ordinal} FROM ${reader(path, columns, true)}`);
      return { rejects: false };
    }
    const text = `${relation}_text`;
    await session.run(`CREATE TEMP TABLE ${quoteIdentifier(text)} AS SELECT *, row_number() OVER () - 1 AS ${quoteIdentifier(ordinalColumn)} FROM ${reader(path, columns, false)}`);
    const misfits = columns.filter(({ type }) => printedType(type) !== 'VARCHAR').map(({ name, type }) => ({ name, type, when: `${quoteIdentifier(name)} IS NOT NULL AND TRY_CAST(${quoteIdentifier(name)} AS ${printedType(type)}) IS NULL` }));
    const reasons = misfits.map(({ name, type, when }) => `CASE WHEN ${when} THEN ${quoteLiteral(JSON.stringify({ column: name, reason: `has no equal in ${type}` }))} END`);
    const list = `list_filter([${[...reasons, 'NULL'].join(', ')}], lambda reason: reason IS NOT NULL)`;
    const raw = columns.map(({ name }) => `${quoteLiteral(name)}, ${quoteIdentifier(name)}`).join(', ');
    await session.run(`CREATE TEMP TABLE ${quoteIdentifier(rejects)} AS SELECT ${quoteIdentifier(ordinalColumn)} AS ordinal, CAST(NULL AS BIGINT) AS line, CAST(json_object(${raw}) AS VARCHAR) AS raw, '[' || array_to_string(${list}, ',') || ']' AS reasons FROM ${quoteIdentifier(text)} WHERE len(${list}) > 0`);
    const casts = columns.map((column) => valueOf(column, `CAST(${quoteIdentifier(column.name)} AS ${printedType(column.type)})`));
    await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${casts.join(', ')}${ordinals ? `, ${quoteIdentifier(ordinalColumn)}` : ''} FROM ${quoteIdentifier(text)} WHERE len(${list}) = 0`);
    return { rejects: true };
  },
});
