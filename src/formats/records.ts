import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { EtlError, UnreadableValueError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import { ordinalColumn, type ReadRequest, type ReadResult } from './format';
import { rawJson, type ScannedRecord } from './scan';
import { longestRecord } from './sql';
import { csvLine, openTextFile } from './text-file';

/**
 * A text file whose records DuckDB reads as `f0` … VARCHAR where it is in order, and that `scan` reads where it is not. Both
 * give the same records in the same order, so a record's number means the same record in either.
 */
export interface RecordSource {
  readonly fields: number;
  /** FROM clause giving `f0` …; fails on a damaged file. Null: DuckDB does not read this dialect as it is meant. */
  readonly fast: string | null;
  scan(): AsyncIterable<readonly ScannedRecord[]>;
}

/** What a record must be like: SQL over `f0` …. */
export interface RecordRules {
  /** The columns of the plan, in order. */
  readonly columns: readonly { readonly name: string; readonly value: string }[];
  /** True where any column, or the record as a whole, misfits. Touches every field, since DuckDB looks only at those for bad UTF-8. */
  readonly misfit: string;
  /** JSON text `[{"column", "reason"}]` of a misfit record. */
  readonly reasons: string;
  /** The record as JSON, where that says more than its line as a string. */
  readonly raw?: string;
}

/** Records in order and readable structure first; where DuckDB refuses the file, record by record. */
export async function readRecords(session: Session, source: RecordSource, rules: RecordRules, request: ReadRequest): Promise<ReadResult> {
  const counts = await countMisfits(session, source, rules);
  if (counts === null) return await readDamaged(session, source, rules, request);
  const records = quoteIdentifier(`${request.relation}_records`);
  await session.run(`CREATE TEMP VIEW ${records} AS SELECT row_number() OVER () - 1 AS ordinal, * FROM ${source.fast}`);
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(request.relation)} AS ${selectFitting(records, rules, request, counts.misfits > 0)}`);
  if (counts.misfits === 0) return { rejects: false };
  return await withScratch(session, async (folder) => {
    const scanned = await locate(session, source, `SELECT ordinal FROM ${records} WHERE ${rules.misfit}`, path.join(folder, 'located.csv'));
    if (scanned !== counts.total) {
      await session.run(`DROP VIEW ${quoteIdentifier(request.relation)}; DROP VIEW ${records}`);
      return await readDamaged(session, source, rules, request);
    }
    await session.run(`CREATE TEMP TABLE ${quoteIdentifier(request.rejects)} AS ${selectMisfits(records, rules, folder)} ORDER BY ordinal`);
    return { rejects: true };
  });
}

/** The number of records by the same two ways. */
export async function countRecords(session: Session, source: RecordSource, misfit: string): Promise<number> {
  const counts = await countMisfits(session, source, { misfit });
  if (counts) return counts.total;
  let records = 0;
  for await (const group of source.scan()) records += group.length;
  return records;
}

/** Null: DuckDB refuses the file. */
async function countMisfits(session: Session, source: RecordSource, rules: Pick<RecordRules, 'misfit'>): Promise<{ total: number; misfits: number } | null> {
  if (source.fast === null) return null;
  try {
    const row = await session.row(`SELECT count(*) AS total, count(*) FILTER (WHERE ${rules.misfit}) AS misfits FROM ${source.fast}`);
    return { total: Number(row['total']), misfits: Number(row['misfits']) };
  } catch (error) {
    if (EtlError.is(error) && !(error instanceof UnreadableValueError)) throw error;
    // Fails with the abort's reason where the session was interrupted; a missing file fails in the scan.
    await session.run('SELECT 1');
    return null;
  }
}

function selectFitting(records: string, rules: RecordRules, request: ReadRequest, some: boolean): string {
  const columns = rules.columns.map(({ name, value }) => `${value} AS ${quoteIdentifier(name)}`);
  if (request.ordinals) columns.push(`ordinal AS ${quoteIdentifier(ordinalColumn)}`);
  return `SELECT ${columns.join(', ')} FROM ${records}${some ? ` WHERE NOT (${rules.misfit})` : ''}`;
}

const selectMisfits = (records: string, rules: RecordRules, folder: string): string =>
  `SELECT ordinal::BIGINT AS ordinal, located.line, ${rules.raw ?? 'located.raw'} AS raw, ${rules.reasons} AS reasons FROM ${records} ` +
  `LEFT JOIN ${scratchFile(path.join(folder, 'located.csv'), { ordinal: 'BIGINT', line: 'BIGINT', raw: 'VARCHAR' })} AS located USING (ordinal) WHERE ${rules.misfit}`;

async function readDamaged(session: Session, source: RecordSource, rules: RecordRules, request: ReadRequest): Promise<ReadResult> {
  return await withScratch(session, async (folder) => {
    const clean = path.join(folder, 'clean.csv');
    const damaged = path.join(folder, 'damaged.csv');
    await sift(source, clean, damaged);
    const fields = Object.fromEntries(Array.from({ length: source.fields }, (_unused, index) => [`f${index}`, 'VARCHAR']));
    const records = scratchFile(clean, { ordinal: 'BIGINT', ...fields });
    await session.run(`CREATE TEMP TABLE ${quoteIdentifier(request.relation)} AS ${selectFitting(records, rules, request, true)}`);
    await locate(session, source, `SELECT ordinal FROM ${records} WHERE ${rules.misfit}`, path.join(folder, 'located.csv'));
    await session.run(`CREATE TEMP TABLE ${quoteIdentifier(request.rejects)} AS ` +
      `SELECT * FROM ${scratchFile(damaged, { ordinal: 'BIGINT', line: 'BIGINT', raw: 'VARCHAR', reasons: 'VARCHAR' })} ` +
      `UNION ALL ${selectMisfits(records, rules, folder)} ORDER BY ordinal`);
    return { rejects: true };
  });
}

/** Parts a damaged file into records that can be read, in a form that DuckDB cannot misread, and those that cannot. */
async function sift(source: RecordSource, clean: string, damaged: string): Promise<void> {
  const files = { clean: await openTextFile(clean), damaged: await openTextFile(damaged) };
  try {
    let ordinal = 0;
    for await (const group of source.scan()) {
      for (const { problem, fields, line, bytes } of group) {
        if (problem === null) await files.clean.write(csvLine([ordinal, ...fields]));
        else await files.damaged.write(csvLine([ordinal, line, rawJson(bytes), JSON.stringify([{ column: null, reason: problem }])]));
        ordinal += 1;
      }
    }
  } finally {
    await files.clean.close();
    await files.damaged.close();
  }
}

const page = 10_000;

/** Writes line and text of the records whose numbers the query gives; returns how many records the file has. */
async function locate(session: Session, source: RecordSource, ordinals: string, to: string): Promise<number> {
  const file = await openTextFile(to);
  const wanted = `${quoteIdentifier(`_${randomUUID()}`)}`;
  await session.run(`CREATE TEMP TABLE ${wanted} AS ${ordinals} ORDER BY ordinal`);
  try {
    const next = ordinalReader(session, wanted);
    let wantedOrdinal = await next();
    let ordinal = 0;
    for await (const group of source.scan()) {
      for (const { line, bytes } of group) {
        if (ordinal === wantedOrdinal) {
          await file.write(csvLine([ordinal, line, rawJson(bytes)]));
          wantedOrdinal = await next();
        }
        ordinal += 1;
      }
    }
    return ordinal;
  } finally {
    await file.close();
    await session.run(`DROP TABLE ${wanted}`);
  }
}

/** Numbers of a table in order, a page at a time: there may be as many as the file has records. */
function ordinalReader(session: Session, table: string): () => Promise<number | null> {
  let known: number[] = [];
  let at = 0;
  let last = -1;
  return async () => {
    if (at === known.length) {
      const rows = await session.rows(`SELECT ordinal FROM ${table} WHERE ordinal > ${last} ORDER BY ordinal LIMIT ${page}`);
      known = rows.map((row) => Number(row['ordinal']));
      at = 0;
    }
    const ordinal = known[at];
    if (ordinal === undefined) return null;
    at += 1;
    last = ordinal;
    return ordinal;
  };
}

/** A folder in DuckDB's own place for what does not fit into memory; gone after the work. */
export async function withScratch<Result>(session: Session, work: (folder: string) => Promise<Result>): Promise<Result> {
  const { folder: home } = await session.row("SELECT current_setting('temp_directory') AS folder");
  const folder = path.join(home ?? '.', `records-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file written by `csvLine`, as a FROM clause. */
export function scratchFile(file: string, columns: Readonly<Record<string, string>>): string {
  const types = Object.entries(columns).map(([name, type]) => `${quoteLiteral(name)}: ${quoteLiteral(type)}`);
  return `read_csv(${quoteLiteral(file)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', comment = '', ` +
    `nullstr = '\\N', allow_quoted_nulls = false, max_line_size = ${4 * longestRecord}, buffer_size = ${8 * longestRecord}, columns = {${types.join(', ')}})`;
}
