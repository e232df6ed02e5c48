import { DestinationHeldError } from '../../domain/errors';
import type { Redshift, TextRow } from './client';

/** What COPY stumbled over, from the system table that outlives the rollback. */
const errorsOf = (redshift: Redshift, queryId: number, most: number): Promise<readonly TextRow[]> => redshift.rows(
  'SELECT RTRIM(file_name) AS file, CAST(line_number AS VARCHAR) AS line, RTRIM(column_name) AS name, CAST(error_code AS VARCHAR) AS code, RTRIM(error_message) AS said ' +
  `FROM sys_load_error_detail WHERE query_id = ${queryId} ORDER BY line_number LIMIT ${most}`);

/** Names of columns and files, and no value. Null: the table has nothing of it. */
export async function loadErrors(redshift: Redshift, queryId: number | undefined): Promise<string | null> {
  if (queryId === undefined || queryId < 0) return null;
  const rows = await errorsOf(redshift, queryId, 5).catch(() => []);
  if (rows.length === 0) return null;
  return rows.map((row) => `line ${row['line']} of ${row['file']}${row['name'] ? `, column "${row['name']}"` : ''}: ${withoutValues(row['said'] ?? '')} (${row['code']})`).join('; ');
}

/** Redshift quotes what it could not read in one way or the other. */
const withoutValues = (said: string): string => said.replace(/"[^"]*"$/, '…').replace(/(Value )'[^']*'/g, "$1'…'");

/** The error of a COPY, with what the system table says of it. */
export async function explained(redshift: Redshift, error: Error & { readonly queryId?: number }, doing: string): Promise<{ readonly error: Error; readonly rows: boolean }> {
  const details = await loadErrors(redshift, error.queryId);
  if (details === null) return { error, rows: false };
  return { rows: true, error: new DestinationHeldError(`${doing}: COPY refused rows: ${details}; nothing was loaded: change them in a step or widen the column, then "millrace resume RUN"`, { query: error.queryId ?? null }) };
}

/** A row that COPY refuses, for quarantine. */
export interface RowError {
  /** From 0, where each line of the file is a row. */
  readonly row: number;
  readonly column: string | null;
  readonly reason: string;
}

export const rowErrors = async (redshift: Redshift, queryId: number, most: number): Promise<readonly RowError[]> =>
  (await errorsOf(redshift, queryId, most)).filter((row) => Number(row['line']) > 0).map((row) => ({ row: Number(row['line']) - 1, column: row['name'] || null, reason: `is refused by COPY: ${row['said']} (${row['code']})` }));
