import { EtlError, UnreadableValueError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteLiteral } from '../transforms/quote';
import { openBytes } from './bytes';
import { scratchFile, withScratch } from './records';
import { rawJson, scanRecords, type RecordRule, type ScannedRecord } from './scan';
import { carriageReturn, lineFeed } from './scan';
import { readBuffer } from './sql';
import { lineTally, tallied, type Tally } from './tally';
import { csvLine, openTextFile } from './text-file';

/** Joins lines to events: whether a line goes on with what stands before it. */
export type Continues = (line: string) => boolean;

export interface LinesRequest {
  readonly path: string;
  /** Absent: a line is a record. */
  readonly continues?: Continues;
  /** Lines that start with it are no records; empty: there are none. */
  readonly comment?: string;
}

const layout = { line: 'BIGINT', raw: 'VARCHAR', problem: 'VARCHAR', shown: 'VARCHAR' };

/**
 * Lines (or events) of a text file that hold something, for SQL: a FROM clause of `ordinal` BIGINT (from 0), `line` BIGINT (1-based), `raw` VARCHAR,
 * `problem` VARCHAR and `shown` VARCHAR (a record with a problem as JSON). DuckDB reads the file as it is where it is in order, and says so where it
 * is not (bad UTF-8, mixed line breaks); then the worker's own reader sorts it first, so that a damaged line costs that line only.
 */
export async function withLines<Result>(session: Session, { path, continues, comment = '' }: LinesRequest, work: (from: string) => Promise<Result>): Promise<Result> {
  if (!continues) {
    try {
      return await work(numbered(fastLines(path), comment));
    } catch (error) {
      if (EtlError.is(error) && !(error instanceof UnreadableValueError)) throw error;
      // Fails with the abort's reason where the session was interrupted.
      await session.run('SELECT 1');
    }
  }
  return await withScratch(session, async (folder) => {
    const sorted = `${folder}/lines.csv`;
    await writeLines(path, continues, comment, sorted);
    return await work(numbered(scratchFile(sorted, layout), ''));
  });
}

/** The same relation from the file as it is, which must be in order; null: lines have to be joined first. Unless `numbers`, its ordinals and line numbers are NULL, since counting them takes one thread. */
export const trustedLines = ({ path, continues, comment = '' }: LinesRequest, numbers: boolean): string | null =>
  continues ? null : numbers ? numbered(fastLines(path), comment) : `(SELECT NULL::BIGINT AS ordinal, * FROM ${fastLines(path, false)} WHERE ${isRecord(comment)})`;

/** Strict, so that a stray carriage return is an error and no line break; an empty line is NULL, so that numbers stay right. */
const fastLines = (path: string, numbers = true): string =>
  `(SELECT ${numbers ? 'row_number() OVER ()' : 'NULL::BIGINT'} AS line, raw, CASE WHEN contains(raw, chr(0)) THEN 'has a NUL byte' END AS problem, NULL::VARCHAR AS shown FROM read_csv(${quoteLiteral(path)}, columns = {'raw': 'VARCHAR'}, header = false, auto_detect = false, ` +
  `delim = '\u0002', quote = '', escape = '', nullstr = '', comment = '', strict_mode = true, ${readBuffer}))`;

const lineRule: RecordRule = (bytes, start, final) => {
  const feed = bytes.indexOf(lineFeed, start);
  if (feed < 0 && !final) return null;
  const end = feed < 0 ? bytes.length : feed;
  const textEnd = end > start && bytes[end - 1] === carriageReturn ? end - 1 : end;
  return { end: Math.min(end + 1, bytes.length), textEnd, fields: [], problem: null, skip: textEnd === start };
};

/** Beyond this an event is no event; its lines are records again. */
const longestEvent = 1 << 20;

async function writeLines(path: string, continues: Continues | undefined, comment: string, to: string): Promise<void> {
  const file = await openTextFile(to);
  const write = async ({ line, bytes, problem }: ScannedRecord) =>
    file.write(csvLine([line, problem === null ? bytes.toString('utf8') : null, problem, problem === null ? null : rawJson(bytes)]));
  try {
    const records = withoutComments(scanRecords(openBytes(path, 'auto'), lineRule), comment);
    for await (const group of continues ? events(records, continues) : records) for (const record of group) await write(record);
  } finally {
    await file.close();
  }
}

async function* withoutComments(groups: AsyncIterable<readonly ScannedRecord[]>, comment: string): AsyncGenerator<readonly ScannedRecord[]> {
  const mark = comment === '' ? null : comment.charCodeAt(0);
  for await (const group of groups) yield mark === null ? group : group.filter(({ bytes }) => bytes[0] !== mark);
}

/** One event in memory; the last of a group waits for what may go on with it. */
async function* events(groups: AsyncIterable<readonly ScannedRecord[]>, continues: Continues): AsyncGenerator<readonly ScannedRecord[]> {
  let open: ScannedRecord[] = [];
  let size = 0;
  const close = (): ScannedRecord[] => {
    const [first] = open;
    if (!first) return [];
    const event = { ...first, bytes: Buffer.concat(open.flatMap(({ bytes }, index) => (index === 0 ? [bytes] : [newLine, bytes]))), problem: open.find(({ problem }) => problem !== null)?.problem ?? null };
    open = [];
    size = 0;
    return [event];
  };
  for await (const group of groups) {
    const done: ScannedRecord[] = [];
    for (const record of group) {
      const goesOn = open.length > 0 && size < longestEvent && continues(record.bytes.toString('utf8'));
      if (!goesOn) done.push(...close());
      // What is here is a part of a buffer that is given back.
      open.push({ ...record, bytes: Buffer.from(record.bytes) });
      size += record.bytes.length;
    }
    yield done;
  }
  yield close();
}
const newLine = Buffer.from('\n');

const numbered = (from: string, comment: string): string =>
  `(SELECT row_number() OVER () - 1 AS ordinal, * FROM (SELECT * FROM ${from} WHERE ${isRecord(comment)}))`;

/** A line that starts with anything above a blank is not looked at as a whole. */
const isRecord = (comment: string): string =>
  `(problem IS NOT NULL OR ((raw >= '!' OR trim(raw, ' \t') <> '')${comment === '' ? '' : ` AND NOT starts_with(raw, ${quoteLiteral(comment)})`}))`;

/** Null: lines have to be joined first. */
export const tallyOfLines = ({ continues, comment }: Omit<LinesRequest, 'path'>): Tally | null => (continues ? null : lineTally(comment));

export const countLines = async (session: Session, request: LinesRequest): Promise<number> =>
  await tallied(request.path, 'auto', tallyOfLines(request)) ?? await countCarefully(session, request);

const countCarefully = (session: Session, request: LinesRequest): Promise<number> =>
  withLines(session, request, async (from) => Number((await session.row(`SELECT count(*) AS n FROM ${from}`))['n']));
