import { rm } from 'node:fs/promises';
import { batchColumn, positionColumn, type Column } from '../domain/column';
import type { Control } from '../domain/control';
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
  const rows = await session.changed(`COPY (SELECT ${quoteList(names)}${own} FROM ${quoteIdentifier(relation)}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION snappy, DICTIONARY_SIZE_LIMIT ${dictionary})`)
    // On a full disk each further attempt would else find less room.
    .catch(async (error: unknown) => { await rm(path, { force: true }); throw error; });
  const file = await staging.seal(key);
  control.progress({ rows, bytes: file.bytes });
  return { file, rows };
}
