import type { Claim } from '../../domain/claim';
import type { LedgerEntry } from '../../domain/ledger';
import type { FileRecord, Position } from '../../domain/position';
import type { Checkpoint } from '../connector';
import type { PostgresConnection } from './connection';
import { refuseOldFence } from './load';
import { arrayOf } from './quote';
import type { Names } from './system-tables';

const mine = 'target = $1 AND pipeline = $2 AND stream = $3';
const keyOf = ({ label, pipeline, stream }: Names) => [label, pipeline, stream];

export async function readCheckpoint(connection: PostgresConnection, names: Names): Promise<Checkpoint | null> {
  // The last of the system tables to be made: where it is missing, nothing was ever claimed.
  const { there } = await connection.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [names.files]);
  if (there !== 'true') return null;
  const [row] = await connection.rows(
    `SELECT holder, fence::text, version::text, position, to_char(published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS published FROM ${names.checkpoints} WHERE ${mine}`, keyOf(names));
  if (!row) return null;
  const files = await connection.rows(`SELECT path, size::text, version FROM ${names.files} WHERE ${mine} ORDER BY path`, keyOf(names));
  return {
    holder: row['holder'] ?? null, fence: Number(row['fence']), version: Number(row['version']),
    position: row['position'] ? (JSON.parse(row['position']) as Position) : null, files: files.map(fileRecordOf), publishedAt: row['published'] ?? null,
  };
}

export const fileRecordOf = (row: Readonly<Record<string, string | null>>): FileRecord => ({ path: row['path']!, size: Number(row['size']), version: row['version']! });

/** In one transaction under the claim: an older run that is still at work is fenced off by the version as well. */
export async function setPosition(connection: PostgresConnection, names: Names, claim: Claim, position: Position | null): Promise<Checkpoint> {
  await connection.transaction(async () => {
    await refuseOldFence(connection, names, claim.fence, claim.version, 'FOR UPDATE');
    const text = position === null ? null : JSON.stringify(position);
    await connection.run(`UPDATE ${names.checkpoints} SET version = version + 1, position = $4, publisher = $5, receipt = NULL, published_at = now() WHERE ${mine}`, [...keyOf(names), text, names.holder]);
    if (position === null) await connection.run(`DELETE FROM ${names.files} WHERE ${mine}`, keyOf(names));
  });
  return (await readCheckpoint(connection, names))!;
}

export const traceBatch = async (connection: PostgresConnection, names: Names, batchNumber: string): Promise<LedgerEntry | null> =>
  (await ledgerRows(connection, names, 'batch_number = $1 AND target = $2', [batchNumber, names.label]))[0] ?? null;

export const ledgerOf = (connection: PostgresConnection, names: Names, batchIds: readonly string[]): Promise<readonly LedgerEntry[]> =>
  ledgerRows(connection, names, 'batch_id = ANY($1::text[]) AND target = $2', [arrayOf(batchIds), names.label]);

async function ledgerRows(connection: PostgresConnection, names: Names, where: string, values: readonly string[]): Promise<readonly LedgerEntry[]> {
  const { there } = await connection.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [names.loads]);
  if (there !== 'true') return [];
  const utc = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
  const rows = await connection.rows(
    `SELECT batch_number::text, batch_id, run, stream, rows::text, state, checksum, original::text, ${utc('committed_at')} AS committed, ${utc('published_at')} AS published FROM ${names.loads} WHERE ${where}`, values);
  return rows.map((row) => ({
    batchNumber: row['batch_number']!, batchId: row['batch_id']!, run: row['run']!, stream: row['stream']!, rows: Number(row['rows']), state: row['state'] as LedgerEntry['state'],
    checksum: row['checksum']!, committedAt: row['committed'] ?? null, publishedAt: row['published'] ?? null, ...(row['original'] && { original: row['original'] }),
  }));
}
