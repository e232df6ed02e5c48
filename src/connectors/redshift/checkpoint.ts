import type { Claim } from '../../domain/claim';
import { ConfigurationError } from '../../domain/errors';
import type { LedgerEntry } from '../../domain/ledger';
import type { FileRecord, Position } from '../../domain/position';
import type { Checkpoint } from '../connector';
import type { Redshift, TextRow } from './client';
import type { Names } from './names';
import { quoteLiteral, quoteOrNull } from './quote';
import { fencedOff } from './fence';
import { systemTablesThere } from './system-tables';

const text = (sql: string, name: string): string => `CAST(${sql} AS VARCHAR) AS ${name}`;
export const utc = (column: string): string => `TO_CHAR(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

export async function checkpointRow(redshift: Redshift, names: Names): Promise<TextRow | null> {
  const columns = `holder, started_at, publisher, receipt, "position", ${['fence', 'settled', 'version', 'written', 'deduplicated', 'deleted', 'ended'].map((name) => text(name, name)).join(', ')}, ${utc('published_at')} AS published`;
  return (await redshift.rows(`SELECT ${columns} FROM ${names.checkpoints} WHERE ${names.mine}`))[0] ?? null;
}

export const positionOf = (row: TextRow | null): Position | null => (row?.['position'] ? (JSON.parse(row['position']) as Position) : null);

export const filesOf = async (redshift: Redshift, names: Names): Promise<readonly FileRecord[]> =>
  (await redshift.rows(`SELECT DISTINCT path, ${text('size', 'size')}, version FROM ${names.files} WHERE ${names.mine} ORDER BY path`))
    .map((row) => ({ path: row['path']!, size: Number(row['size']), version: row['version']! }));

export async function readCheckpoint(redshift: Redshift, names: Names): Promise<Checkpoint | null> {
  const row = (await systemTablesThere(redshift)) ? await checkpointRow(redshift, names) : null;
  return row && {
    holder: row['holder'] ?? null, fence: Number(row['fence']), version: Number(row['version']), position: positionOf(row), files: await filesOf(redshift, names), publishedAt: row['published'] ?? null,
  };
}

/** Checkpoints are one text of a row, which Redshift ends at 65,535 bytes. */
export function positionSql(position: Position | null): string {
  const written = position === null ? null : JSON.stringify(position);
  if (written !== null && Buffer.byteLength(written) > 65_535) throw new ConfigurationError('writing the checkpoint: it is longer than the 65,535 bytes that a VARCHAR of Redshift holds; load skipped slices with "millrace retry --gaps", or read fewer files in one stream');
  return quoteOrNull(written);
}

/** Under the claim: an older run that is still at work is fenced off by the version as well. */
export async function setPosition(redshift: Redshift, names: Names, claim: Claim, position: Position | null): Promise<Checkpoint> {
  await redshift.transaction({
    doing: `setting the checkpoint of "${names.label}"`,
    steps: [
      { sql: `LOCK ${names.lock}, ${names.checkpoints}` },
      fencedOff(names, claim.fence, claim.version),
      { sql: `UPDATE ${names.checkpoints} SET version = version + 1, "position" = ${positionSql(position)}, publisher = ${quoteLiteral(names.holder)}, receipt = NULL, published_at = GETDATE() WHERE ${names.mine}` },
      ...(position === null ? [{ sql: `DELETE FROM ${names.files} WHERE ${names.mine}` }] : []),
    ],
  });
  return (await readCheckpoint(redshift, names))!;
}

export async function traceBatch(redshift: Redshift, names: Names, batchNumber: string): Promise<LedgerEntry | null> {
  if (!(await systemTablesThere(redshift))) return null;
  const [row] = await redshift.rows(
    `SELECT batch_id, run, stream, ${text('"rows"', 'loaded')}, state, checksum, ${utc('committed_at')} AS committed, ${utc('published_at')} AS published FROM ${names.loads} ` +
    `WHERE batch_number = CAST(${quoteLiteral(batchNumber)} AS BIGINT) AND target = ${quoteLiteral(names.label)} ORDER BY CASE state WHEN 'rolled_back' THEN 1 ELSE 0 END LIMIT 1`);
  return row ? {
    batchNumber, batchId: row['batch_id']!, run: row['run']!, stream: row['stream']!, rows: Number(row['loaded']), state: row['state'] as LedgerEntry['state'],
    checksum: row['checksum']!, committedAt: row['committed'] ?? null, publishedAt: row['published'] ?? null,
  } : null;
}
