import { batchColumn, positionColumn, type Column } from '../domain/column';
import type { Control } from '../domain/control';
import type { QuarantineFile } from '../domain/batch';
import type { StagedFile } from '../domain/manifest';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from '../transforms/quote';

interface StagedRequest {
  readonly session: Session;
  readonly staging: StagingStore;
  readonly prefix: string;
  readonly relation: string;
  readonly columns: readonly Column[];
  /** Keeps the position column, for stream steps that follow. */
  readonly position: boolean;
  /** Number for the lineage column; null: the files have none. */
  readonly lineage: string | null;
  readonly control: Control;
}

/** Distinct values up to which a column is written as a dictionary; trying more costs a sixth of the time where values differ (measured). */
const dictionary = 1000;

/** Writes a relation as one Parquet file; `rows` is the writer's own count. */
export async function writeStaged({ session, staging, prefix, relation, columns, position, lineage, control }: StagedRequest): Promise<{ readonly file: StagedFile; readonly rows: number }> {
  const { key, path } = await staging.create(prefix, 'parquet');
  const names = [...columns.map(({ name }) => name), ...(position ? [positionColumn] : [])];
  const own = lineage === null ? '' : `, CAST(${lineage} AS BIGINT) AS ${quoteIdentifier(batchColumn)}`;
  const rows = await session.changed(`COPY (SELECT ${quoteList(names)}${own} FROM ${quoteIdentifier(relation)}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT ${dictionary})`);
  const file = await staging.seal(key);
  control.progress({ rows, bytes: file.bytes });
  return { file, rows };
}

interface QuarantineRequest {
  readonly session: Session;
  readonly staging: StagingStore;
  /** Batch id: the folder in quarantine. */
  readonly batch: string;
  /** Table (position, step, reasons) of what steps and checks rejected. */
  readonly rejects: string;
  /** Tables of what could not be read at all. */
  readonly structural: readonly { readonly table: string; readonly base: string; readonly origin: string }[];
  /** Relation with the raw rows by position; null: there are no step rejects. */
  readonly raw: { readonly relation: string; readonly columns: readonly string[] } | null;
  readonly origins: readonly { readonly base: string; readonly origin: string }[];
}

/**
 * One Parquet file per batch with rejects: position BIGINT, step, reasons (JSON list), raw (JSON, every value as text, so that
 * none loses digits), origin, line BIGINT. Outside the run's folder, since it outlives the run's data (semantics 12).
 */
export async function writeQuarantine(request: QuarantineRequest): Promise<readonly QuarantineFile[]> {
  const { session, staging, batch, rejects } = request;
  const selects = [...request.structural.map(structuralSelect), ...(request.raw ? [stepSelect(rejects, request.raw, request.origins)] : [])];
  if (selects.length === 0) return [];
  const stepRejects = Number((await session.row(`SELECT count(*) AS n FROM ${quoteIdentifier(rejects)}`))['n']);
  if (request.structural.length === 0 && stepRejects === 0) return [];
  const { key, path } = await staging.create(`quarantine/${batch}`, 'parquet');
  const rows = await session.changed(`COPY (${selects.join(' UNION ALL ')} ORDER BY position) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
  return [{ ...(await staging.seal(key)), rows }];
}

const structuralSelect = ({ table, base, origin }: QuarantineRequest['structural'][number]): string =>
  `SELECT ${base} + ordinal AS position, 'read' AS step, reasons, raw, ${quoteLiteral(origin)} AS origin, line FROM ${quoteIdentifier(table)}`;

function stepSelect(rejects: string, raw: NonNullable<QuarantineRequest['raw']>, origins: QuarantineRequest['origins']): string {
  const pairs = raw.columns.map((name) => `${quoteLiteral(name)}, CAST(i.${quoteIdentifier(name)} AS VARCHAR)`).join(', ');
  const origin = origins.length === 0 ? 'NULL' : `CASE ${[...origins].reverse().map(({ base, origin: name }) => `WHEN r.position >= ${base} THEN ${quoteLiteral(name)}`).join(' ')} END`;
  return `SELECT r.position, r.step, r.reasons, coalesce(r.raw, CAST(json_object(${pairs}) AS VARCHAR)) AS raw, ${origin} AS origin, CAST(NULL AS BIGINT) AS line ` +
    `FROM ${quoteIdentifier(rejects)} r LEFT JOIN ${quoteIdentifier(raw.relation)} i ON i.${quoteIdentifier(positionColumn)} = r.position`;
}
