import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Column } from '../domain/column';
import { EtlError, SourceHeldError, UnreadableValueError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { kindsIn, kindsOf, kindsOfJson, namesInOrder, typeOfKinds } from './infer';
import { markedNumber, unmarked, withoutMarks } from './long-numbers';
import { longestRecord } from './sql';

export const flattenOption = z.boolean().default(false).describe('Nested objects become columns of their own, "geo.lat" for {"geo": {"lat": …}}; lists stay JSON text');

/** Members one below the other as a JSON path; none: the document itself. */
export const pathOf = (members: readonly string[]): string => quoteLiteral(`$${members.map((name) => `."${name.replaceAll('"', '\\"')}"`).join('')}`);

/** Text of a member: strings without quotes, nested values as JSON text, null as NULL. */
export const memberText = (body: string, members: readonly string[]): string => `json_extract_string(${body}, ${pathOf(members)})`;

/** Text that is not JSON fails every JSON function instead of giving NULL (verified), so none may see it. */
export const validBody = (raw: string): string => `CASE WHEN json_valid(${raw}) THEN ${raw} END`;

/** Members in order of first appearance; a member of mixed kinds stays text. `untyped`: kinds say nothing, all are strings. `source`: relation of `raw` VARCHAR. `marked`: with marks of long numbers. */
export async function inferMembers(session: Session, source: string, sampleRows: number, { flatten = false, untyped = false, marked = false } = {}): Promise<readonly Column[]> {
  const sample = quoteIdentifier(`sample_${randomUUID()}`);
  await session.run(`CREATE TEMP TABLE ${sample} AS SELECT body FROM (SELECT ${validBody('raw')} AS body FROM ${source}) WHERE json_type(body) = 'OBJECT' LIMIT ${sampleRows}`);
  try {
    const found = await memberPaths(session, sample, [], flatten);
    if (found.length === 0) return [];
    const members = untyped ? found.map((one, index) => `${memberText('body', one)} AS m${index}`) : found.map((one, index) => `CAST(json_extract(body, ${pathOf(one)}) AS VARCHAR) AS m${index}`);
    const measures = found.map((_one, index) => (untyped ? kindsOf(`m${index}`, `f${index}_`) : kindsOfJson(`m${index}`, `f${index}_`, marked ? markedNumber(`m${index}`) : undefined)));
    const row = await kindsIn(session, measures, `(SELECT ${members.join(', ')} FROM ${sample})`);
    return found.map((one, index) => ({ name: one.join('.'), type: typeOfKinds(row, `f${index}_`), nullable: true }));
  } finally {
    await session.run(`DROP TABLE ${sample}`);
  }
}

/** Objects further in stay JSON text: each level is a look of its own, and nobody names columns of so many parts. */
const deepest = 16;

async function memberPaths(session: Session, sample: string, prefix: readonly string[], flatten: boolean): Promise<readonly (readonly string[])[]> {
  const keys = prefix.length === 0 ? 'json_keys(body)' : `json_keys(body, ${pathOf(prefix)})`;
  const names = (await session.rows(namesInOrder(keys, sample))).map((row) => row['name']!);
  const unusable = names.find((name) => name === '' || name.includes('\0'));
  if (unusable !== undefined) throw new SourceHeldError(`reading JSON: records have a member ${unusable === '' ? 'without a name' : 'with a NUL in its name'}, which can be no column; name the columns to read ("columns" of a stream of an API), or have the source mended, then "millrace resume RUN"`);
  if (!flatten || names.length === 0 || prefix.length + 1 >= deepest) return names.map((name) => [...prefix, name]);
  const isObject = await session.row(`SELECT ${names.map((name, index) => { const kind = `json_type(body, ${pathOf([...prefix, name])})`; return `bool_and(${kind} IN ('OBJECT', 'NULL')) AND bool_or(${kind} = 'OBJECT') AS o${index}`; }).join(', ')} FROM ${sample}`);
  const paths: (readonly string[])[] = [];
  for (const [index, name] of names.entries()) {
    const members = [...prefix, name];
    const below = isObject[`o${index}`] === 'true' ? await memberPaths(session, sample, members, flatten) : [];
    paths.push(...(below.length > 0 ? below : [members]));
  }
  return paths;
}

interface Members {
  readonly select: string;
  text(column: Column): string;
  /** SQL of why the record cannot be read as these columns, or NULL. */
  readonly problem: string;
}

/** Members of `body`, taken apart once per record where their names allow it: each look by path reads the whole record again. */
function membersOf(columns: readonly Column[], flatten: boolean): Members {
  const nested = (name: string): boolean => flatten && name.includes('.');
  const plain = columns.map(({ name }) => name).filter((name) => !nested(name));
  const atOnce = plain.length > 1 && new Set(plain.map((name) => name.toLowerCase())).size === plain.length;
  const shape = JSON.stringify(Object.fromEntries(plain.map((name) => [name, 'VARCHAR'])));
  const text = (name: string): string => {
    if (nested(name)) return `coalesce(${memberText('body', [name])}, ${memberText('body', name.split('.'))})`;
    return atOnce ? `members[${quoteLiteral(name)}]` : memberText('body', [name]);
  };
  return { select: atOnce ? `json_transform(body, ${quoteLiteral(shape)}) AS members, ` : '', text: ({ name }) => text(name), problem: otherKinds(columns.map(({ name }) => name).filter(nested)) };
}

/** A value where the columns need an object would be lost without a word. */
function otherKinds(names: readonly string[]): string {
  const parents = [...new Set(names.flatMap((name) => name.split('.').slice(0, -1).map((_part, index, parts) => parts.slice(0, index + 1).join('.'))))];
  const cases = parents.map((parent) => `WHEN json_type(body, ${pathOf(parent.split('.'))}) NOT IN ('OBJECT', 'NULL') THEN ${quoteLiteral(`has no object in "${parent}"`)}`);
  return cases.length === 0 ? 'NULL' : `CASE ${cases.join(' ')} END`;
}

/** `records` as judgeRecords takes them, from `ordinal`, `line`, `raw`, `problem`, `shown`. */
export function jsonRecords(from: string, columns: readonly Column[], flatten = false, marked = false): { readonly records: string; text(column: Column): string } {
  const { select, text, problem } = membersOf(columns, flatten);
  const original = (json: string): string => (marked ? withoutMarks(json) : json);
  return {
    records: `SELECT ordinal, line, ${select}body, coalesce(shown, ${original('body')}, CAST(to_json(${original('raw')}) AS VARCHAR)) AS raw, coalesce(problem, CASE WHEN body IS NULL THEN 'is not a JSON object' END, ${problem}) AS problem ` +
      `FROM (SELECT *, CASE WHEN json_type(valid) = 'OBJECT' THEN valid END AS body FROM (SELECT *, ${validBody('raw')} AS valid FROM ${from}))`,
    text: (column) => (marked ? unmarked(text(column)) : text(column)),
  };
}

/** Columns by name as DuckDB's reader of JSON Lines finds them itself, all as text; null: their names do not allow it. */
export function membersInFile(path: string, columns: readonly Column[], flatten: boolean): { readonly from: string; text(column: Column, index: number): string } | null {
  const names = columns.map(({ name }) => name);
  if (new Set(names.map((name) => name.toLowerCase())).size !== names.length || (flatten && names.some((name) => name.includes('.')))) return null;
  const types = names.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ');
  return { from: `read_json(${quoteLiteral(path)}, format = 'newline_delimited', records = 'true', columns = {${types}}, maximum_object_size = ${longestRecord})`, text: ({ name }) => quoteIdentifier(name) };
}

/** A document that DuckDB cannot read at all is refused as a whole, with where it breaks. */
export async function refusing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (EtlError.is(error) ? !(error instanceof UnreadableValueError) : !/malformed|json|utf-?8/i.test(message)) throw error;
    const why = message.split('\n')[0]!.replaceAll(path, 'the file').replace(/; mend .*$/, '');
    throw new SourceHeldError(`reading a JSON file: ${why}; mend the file, then "millrace resume RUN"`);
  }
}
