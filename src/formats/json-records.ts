import type { Column } from '../domain/column';
import { EtlError, SourceHeldError, UnreadableValueError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { fitOf } from './fits';
import { ordinalColumn, type ReadRequest, type ReadResult } from './format';
import { tallies, talliedType } from './infer';

/** Text of a member: strings without quotes, nested values as JSON text, null as NULL. */
const member = (name: string): string => `json_extract_string(body, ${quoteLiteral(`$."${name.replaceAll('"', '\\"')}"`)})`;
const kindOf = (name: string): string => `json_type(body, ${quoteLiteral(`$."${name.replaceAll('"', '\\"')}"`)})`;

/** Text that is not JSON fails every JSON function instead of giving NULL (verified), so none may see it. */
const validBody = 'CASE WHEN json_valid(raw) THEN raw END';

/** Members in order of first appearance; a member of mixed kinds stays text. `source`: relation of `raw` VARCHAR. */
export async function inferMembers(session: Session, source: string, sampleRows: number): Promise<readonly Column[]> {
  const sample = `(SELECT body FROM (SELECT ${validBody} AS body FROM ${source}) WHERE json_type(body) = 'OBJECT' LIMIT ${sampleRows})`;
  const names = (await session.rows(`SELECT name FROM (SELECT unnest(json_keys(body)) AS name, row_number() OVER () AS place FROM ${sample}) GROUP BY name ORDER BY min(place)`)).map((row) => row['name']!);
  if (names.length === 0) return [];
  const row = await session.row(`SELECT ${names.map((name, index) => tallies(member(name), `f${index}_`, kindOf(name))).join(', ')} FROM ${sample}`);
  return names.map((name, index) => ({ name, type: talliedType(row, `f${index}_`), nullable: true }));
}

/** Records that are no object, or hold a value that its column cannot, go to the rejects with their line. */
export async function readMembers(session: Session, source: string, { columns, relation, ordinals, rejects }: ReadRequest, lines: boolean): Promise<ReadResult> {
  const text = `${relation}_text`;
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(text)} AS SELECT CASE WHEN json_type(valid) = 'OBJECT' THEN valid END AS body, CASE WHEN json_type(valid) = 'OBJECT' THEN NULL ELSE raw END AS other, ${quoteIdentifier(ordinalColumn)} ` +
    `FROM (SELECT raw, ${validBody} AS valid, row_number() OVER () - 1 AS ${quoteIdentifier(ordinalColumn)} FROM ${source})`);
  const fits = columns.map((column) => ({ column, ...fitOf(member(column.name), column.type) }));
  const reasons = fits.map(({ column, misfit, reason }) => `CASE WHEN ${misfit} THEN {'column': ${quoteLiteral(column.name)}, 'reason': ${quoteLiteral(reason)}} END`);
  const list = `CASE WHEN body IS NULL THEN [{'column': NULL::VARCHAR, 'reason': 'is not a JSON object'}] ELSE list_filter([${reasons.join(', ')}], lambda reason: reason IS NOT NULL) END`;
  const judged = `${relation}_judged`;
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(judged)} AS SELECT *, ${list} AS reasons FROM ${quoteIdentifier(text)}`);
  const line = lines ? `${quoteIdentifier(ordinalColumn)} + 1` : 'CAST(NULL AS BIGINT)';
  await session.run(`CREATE TEMP TABLE ${quoteIdentifier(rejects)} AS SELECT ${quoteIdentifier(ordinalColumn)} AS ordinal, ${line} AS line, coalesce(body, CAST(to_json(other) AS VARCHAR)) AS raw, CAST(to_json(reasons) AS VARCHAR) AS reasons FROM ${quoteIdentifier(judged)} WHERE len(reasons) > 0`);
  const values = fits.map(({ column, value }) => `${value} AS ${quoteIdentifier(column.name)}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${values.join(', ')}${ordinals ? `, ${quoteIdentifier(ordinalColumn)}` : ''} FROM ${quoteIdentifier(judged)} WHERE len(reasons) = 0`);
  return { rejects: true };
}

/** A document that DuckDB cannot read at all is refused as a whole, with where it breaks. */
export async function refusing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (EtlError.is(error) ? !(error instanceof UnreadableValueError) : !/malformed|json|utf-?8/i.test(message)) throw error;
    const why = message.split('\n')[0]!.replaceAll(path, 'the file').replace(/; mend .*$/, '');
    throw new SourceHeldError(`reading a JSON file: ${why}; mend the file, then "millrace resume"`);
  }
}
