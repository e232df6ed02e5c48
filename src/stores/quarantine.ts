import type { QuarantineFile } from '../domain/batch';
import { positionColumn } from '../domain/column';
import { fileList, type Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';
import type { StagingStore } from './staging';

interface QuarantineRequest {
  readonly session: Session;
  readonly staging: StagingStore;
  /** Batch id: the folder in quarantine. */
  readonly batch: string;
  /** Table made by `createRejects`. */
  readonly rejects: string;
  /** Tables of what could not be read at all. */
  readonly structural: readonly { readonly table: string; readonly base: string; readonly origin: string }[];
  /** Relation with the raw rows by position; null: there are no step rejects. */
  readonly raw: { readonly relation: string; readonly columns: readonly string[] } | null;
  readonly origins: readonly { readonly base: string; readonly origin: string }[];
}

/**
 * One Parquet file per batch with rejects: position BIGINT, step, reasons (JSON list), raw (JSON, every value as text, so that
 * none loses digits), origin, line BIGINT, derived BOOLEAN (a step made the row of others: `raw` is no record of the source). Outside the run's folder, since it outlives the run's data (semantics 12).
 */
export async function writeQuarantine(request: QuarantineRequest): Promise<readonly QuarantineFile[]> {
  const { session, staging, batch, rejects } = request;
  const { n, bare } = await session.row(`SELECT count(*) AS n, count(*) FILTER (raw IS NULL AND record IS NULL) AS bare FROM ${quoteIdentifier(rejects)}`);
  const selects = [...request.structural.map(structuralSelect), ...(request.raw && n !== '0' ? [stepSelect(rejects, bare === '0' ? null : request.raw, request.origins)] : [])];
  if (selects.length === 0) return [];
  const { key, path } = await staging.create(`quarantine/${batch}`, 'parquet');
  const rows = await session.changed(`COPY (${selects.join(' UNION ALL ')} ORDER BY position) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
  return [{ ...(await staging.seal(key)), rows }];
}

const structuralSelect = ({ table, base, origin }: QuarantineRequest['structural'][number]): string =>
  `SELECT ${base} + ordinal AS position, 'read' AS step, reasons, raw, ${quoteLiteral(origin)} AS origin, line, false AS derived FROM ${quoteIdentifier(table)}`;

/** `raw`: where records are that did not come along. */
function stepSelect(rejects: string, raw: QuarantineRequest['raw'], origins: QuarantineRequest['origins']): string {
  const pairs = (raw?.columns ?? []).map((name) => `${quoteLiteral(name)}, CAST(i.${quoteIdentifier(name)} AS VARCHAR)`).join(', ');
  const origin = origins.length === 0 ? 'NULL' : `CASE ${[...origins].reverse().map(({ base, origin: name }) => `WHEN r.position >= ${base} THEN ${quoteLiteral(name)}`).join(' ')} END`;
  const records = raw === null ? '' : ` LEFT JOIN ${quoteIdentifier(raw.relation)} i ON i.${quoteIdentifier(positionColumn)} = r.position`;
  return `SELECT r.position, r.step, r.reasons, coalesce(r.raw, r.record${raw === null ? '' : `, CAST(json_object(${pairs}) AS VARCHAR)`}) AS raw, ${origin} AS origin, CAST(NULL AS BIGINT) AS line, r.raw IS NOT NULL AS derived ` +
    `FROM ${quoteIdentifier(rejects)} r${records}`;
}

/** One row set aside. */
export interface QuarantineEntry {
  /** Partition × 2^40 + row, as text. */
  readonly position: string;
  readonly step: string;
  readonly reasons: readonly { readonly column: string | null; readonly reason: string }[];
  /** The record as JSON, or its text as a JSON string. */
  readonly raw: string;
  /** File or table it came from. */
  readonly origin: string | null;
  /** 1-based line of the file, where it could not be read at all. */
  readonly line: string | null;
}

/** Rows by what was wrong with them; a row with two reasons counts in both. */
export interface QuarantineGroup {
  readonly step: string;
  readonly column: string | null;
  readonly reason: string;
  readonly rows: number;
  /** Of those, neither replayed nor discarded, where that was asked. */
  readonly open?: number;
}

/** Texts that a reason, its step or its column must contain; null: any. */
export interface QuarantineFilter {
  readonly reason: string | null;
  readonly step: string | null;
  readonly column: string | null;
}

/** Entries in source order, at most `limit`. */
export async function readQuarantine(session: Session, staging: StagingStore, files: readonly QuarantineFile[], filter: QuarantineFilter, limit: number): Promise<readonly QuarantineEntry[]> {
  if (files.length === 0) return [];
  const rows = await session.rows(`SELECT position, step, reasons, raw, origin, line FROM read_parquet(${await pathsOf(staging, files)}) WHERE ${matching(filter)} ORDER BY position LIMIT ${limit}`);
  return rows.map((row) => ({
    position: row['position']!, step: row['step']!, reasons: JSON.parse(row['reasons'] ?? '[]') as QuarantineEntry['reasons'],
    raw: row['raw'] ?? '', origin: row['origin'] ?? null, line: row['line'] ?? null,
  }));
}

export async function groupQuarantine(session: Session, staging: StagingStore, files: readonly QuarantineFile[], filter: QuarantineFilter): Promise<readonly QuarantineGroup[]> {
  if (files.length === 0) return [];
  return groupsIn(session, `SELECT step, reasons FROM read_parquet(${await pathsOf(staging, files)})`, filter);
}

/** @param from SELECT of step, reasons and, where `open` shall be counted, state. */
export async function groupsIn(session: Session, from: string, filter: QuarantineFilter, open = false): Promise<readonly QuarantineGroup[]> {
  const rows = await session.rows(
    `SELECT step, r."column" AS c, r.reason AS reason, count(*) AS n${open ? ", count(*) FILTER (state = 'open') AS open" : ''} FROM (SELECT *, unnest(${parsedReasons}) AS r FROM (${from})) ` +
    `WHERE ${fitting(filter, 'r.')} GROUP BY step, c, r.reason ORDER BY n DESC, step, c, r.reason`);
  return rows.map((row) => ({ step: row['step']!, column: row['c'] ?? null, reason: row['reason'] ?? '', rows: Number(row['n']), ...(open && { open: Number(row['open']) }) }));
}

const parsedReasons = "from_json(CAST(reasons AS JSON), '[{\"column\": \"VARCHAR\", \"reason\": \"VARCHAR\"}]')";

/** Whether one of an entry's reasons fits. */
export const matching = (filter: QuarantineFilter): string => `len(list_filter(${parsedReasons}, lambda r: ${fitting(filter, 'r.')})) > 0`;

function fitting({ reason, step, column }: QuarantineFilter, of: string): string {
  const contains = (sql: string, text: string | null): readonly string[] => (text === null ? [] : [`contains(lower(coalesce(${sql}, '')), ${quoteLiteral(text.toLowerCase())})`]);
  return [...contains(`${of}reason`, reason), ...contains('step', step), ...contains(`${of}"column"`, column)].join(' AND ') || 'true';
}

async function pathsOf(staging: StagingStore, files: readonly QuarantineFile[]): Promise<string> {
  const paths: string[] = [];
  for (const file of files) paths.push(await staging.fetch(file));
  return fileList(paths);
}
