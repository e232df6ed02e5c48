import { DestinationHeldError } from '../../domain/errors';
import type { Redshift } from './client';

/** What COPY stumbled over, from the system table that outlives the rollback. Names of columns and files, and no value. */
export async function loadErrors(redshift: Redshift, queryId: number | undefined): Promise<string | null> {
  if (queryId === undefined || queryId < 0) return null;
  const rows = await redshift.rows(
    'SELECT RTRIM(file_name) AS file, CAST(line_number AS VARCHAR) AS line, RTRIM(column_name) AS name, RTRIM(column_type) AS type, CAST(error_code AS VARCHAR) AS code, RTRIM(error_message) AS said ' +
    `FROM sys_load_error_detail WHERE query_id = ${queryId} ORDER BY line_number LIMIT 5`).catch(() => []);
  if (rows.length === 0) return null;
  return rows.map((row) => `line ${row['line']} of ${row['file']}${row['name'] ? `, column "${row['name']}"` : ''}: ${row['said']?.replace(/"[^"]*"$/, '…')} (${row['code']})`).join('; ');
}

/** The error of a COPY, with what the system table says of it. */
export async function explained(redshift: Redshift, error: Error & { readonly queryId?: number }, doing: string): Promise<Error> {
  const details = await loadErrors(redshift, error.queryId);
  return details === null ? error : new DestinationHeldError(`${doing}: COPY refused rows: ${details}; nothing was loaded`, { query: error.queryId ?? null });
}
