import type { Column } from '../../domain/column';
import { SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { NamedOptions } from '../../domain/pipeline';
import { pathOf } from '../../formats/json-records';
import { membersAt, recordsOf } from '../../formats/json';
import { formatNamed } from '../../formats/registry';
import type { Engine, Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { RestStream } from './config';
import { beginningOf } from './file-beginning';

export interface Inspected {
  readonly rows: number;
  /** Of the member that pagination looks at. */
  readonly member: string | null;
  /** Of the records alone; null: the file's own checksum says as much. */
  readonly digest: string | null;
}

const inferredFrom = 100_000;

/** How a page is read. @param parent value of the parent's record it belongs to. */
export async function formatOf(stream: RestStream, file: string, parent?: string): Promise<NamedOptions> {
  const { optionsSchema, resolve } = formatNamed(stream.decode);
  const add = stream.parent?.as !== undefined && parent !== undefined ? { add: { [stream.parent.as]: parent } } : {};
  const own = stream.decode === 'json' ? { encoding: 'utf-8', flatten: stream.flatten, records: stream.records, ...add } : stream.decode === 'jsonl' ? { encoding: 'utf-8', flatten: stream.flatten } : { encoding: 'utf-8', compression: 'none' };
  const options = optionsSchema.parse(own);
  return { name: stream.decode, options: (resolve ? await resolve(file, options) : options) as NamedOptions['options'] };
}

/** Counts the records of a page and reads what leads on; no record is looked at outside DuckDB. */
export async function inspectPage(session: Session, stream: RestStream, file: string, { name, options }: NamedOptions, where: string, headers: Headers): Promise<Inspected> {
  if (/\bhtml\b/i.test(headers.get('content-type') ?? '')) throw notData(where, 'an HTML page');
  if (stream.decode !== 'json') return await inspectLines(session, stream, file, { name, options }, where);
  const text = await session.row(`SELECT CAST(json_valid(content) AS VARCHAR) AS valid, left(trim(content), 1) AS first FROM read_text(${quoteLiteral(file)})`).catch(() => { session.signal.throwIfAborted(); throw notData(where, 'bytes that are no text in UTF-8'); });
  if (text['valid'] !== 'true') throw text['first'] === '<' ? notData(where, 'an HTML or XML page') : notData(where, 'JSON that is cut off or damaged');
  const at = pathOf(membersAt(stream.records));
  const { pagination } = stream;
  const member = 'from' in pagination && pagination.from !== undefined ? pagination.from : 'more' in pagination ? pagination.more : undefined;
  const row = await session.row(`SELECT json_type(content, ${at}) AS kind, CAST(CASE json_type(content, ${at}) WHEN 'ARRAY' THEN json_array_length(content, ${at}) ELSE 1 END AS VARCHAR) AS rows, ${member === undefined ? 'NULL' : `json_extract_string(content, ${jsonPath(member)})`} AS member, md5(CAST(json_extract(content, ${at}) AS VARCHAR)) AS digest FROM read_text(${quoteLiteral(file)})`);
  if (row['kind'] !== 'ARRAY' && row['kind'] !== 'OBJECT') throw new SourceHeldError(`reading "${where}": there is no list of records at "${stream.records}" of the answer (found: ${row['kind'] ?? 'nothing'}); ${row['kind'] === 'NULL' && stream.records !== '' ? `where that means "no more records", add { body: { path: ${stream.records}, equals: "null" }, then: ignore } to "errors" of the connection; else ` : ''}correct "records" of the stream, or tell such answers by "errors" of the connection, then "millrace resume RUN"`);
  // One object where pages of a list are expected is mostly a message.
  if (row['kind'] === 'OBJECT' && pagination.type !== 'none') throw new SourceHeldError(`reading "${where}": the answer is one object where a list of records is expected${stream.records === '' ? '' : ` at "${stream.records}"`}; correct "records" of the stream, or tell such answers by "errors" of the connection, then "millrace resume RUN"`);
  if (Number(row['rows']) > 0 && stream.columns) await refuseStrangers(session, stream.columns, file, stream.records, where);
  return { rows: Number(row['rows']), member: row['member'] ?? null, digest: row['digest'] ?? null };
}

async function inspectLines(session: Session, { columns }: RestStream, file: string, { name, options }: NamedOptions, where: string): Promise<Inspected> {
  const format = formatNamed(name);
  if (await isMarkup(file)) throw notData(where, 'an HTML or XML page');
  const rows = await format.count(session, file, options);
  if (rows > 0 && columns && name === 'csv') {
    const seen = (await format.infer(session, file, options, 1)).map((column) => column.name.toLowerCase());
    if (!Object.keys(columns).some((column) => seen.includes(column.toLowerCase()))) throw strangers(where, Object.keys(columns));
  }
  return { rows, member: null, digest: null };
}

/** Records without a single member that is read would become rows of nothing. */
async function refuseStrangers(session: Session, columns: Readonly<Record<string, string>>, file: string, records: string, where: string): Promise<void> {
  const names = [...new Set(Object.keys(columns).flatMap((name) => [name, name.split('.')[0]!]))];
  const known = await session.row(`SELECT CAST(bool_or(json_type(raw) <> 'OBJECT' OR list_has_any(json_keys(raw), [${names.map(quoteLiteral).join(', ')}])) AS VARCHAR) AS some FROM ${recordsOf(file, { records })}`);
  if (known['some'] !== 'true') throw strangers(where, Object.keys(columns));
}

const strangers = (where: string, columns: readonly string[]): SourceHeldError =>
  new SourceHeldError(`reading "${where}": its records have none of the columns ${columns.slice(0, 10).map((name) => `"${name}"`).join(', ')}; correct "columns" or "records" of the stream, or tell such answers by "errors" of the connection, then "millrace resume RUN"`);

/** A number counts in a list. */
export const jsonPath = (path: string): string => pathOf(membersAt(path)).replaceAll(/\."(\d+)"/g, '[$1]');

const isMarkup = async (file: string): Promise<boolean> => /^\s*</.test((await beginningOf(file, 64)).toString('latin1'));

const notData = (where: string, what: string): SourceUnavailableError =>
  new SourceUnavailableError(`reading "${where}": the server answered ${what} where data should be; it is asked again, and if that goes on look at the address, the credentials and "decode" of the stream`);

/** What `{parent}` stands for in each record of a parent's page. */
export async function parentValues(session: Session, parent: RestStream, file: string, field: string, where: string): Promise<readonly string[]> {
  const rows = await session.rows(`SELECT json_extract_string(raw, ${jsonPath(field)}) AS value FROM ${recordsOf(file, { records: parent.records })}`);
  if (rows.some(({ value }) => value === null || value === '')) throw new SourceHeldError(`reading "${where}": some records have no "${field}", for which another stream is to be asked; correct "field" of its "parent", then "millrace resume RUN"`);
  return rows.map(({ value }) => value!);
}

export const columnsOfPage = (session: Session, file: string, { name, options }: NamedOptions): Promise<readonly Column[]> => formatNamed(name).infer(session, file, options, inferredFrom);

/** Of an answer that may be no JSON at all; null: it has no such member, "null": it has and there is nothing in it. */
export async function memberOfFile(engine: Engine, file: string, path: string, signal: AbortSignal): Promise<string | null> {
  if (await isMarkup(file)) return null;
  return await engine.session(signal, async (session) => {
    const row = await session.row(`SELECT CASE WHEN NOT json_valid(content) THEN NULL WHEN json_type(content, ${jsonPath(path)}) = 'NULL' THEN 'null' ELSE json_extract_string(content, ${jsonPath(path)}) END AS member FROM read_text(${quoteLiteral(file)})`).catch(() => { signal.throwIfAborted(); return { member: null }; });
    return row['member'] ?? null;
  });
}
