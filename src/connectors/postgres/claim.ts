import type { Claim } from '../../domain/claim';
import { ConfigurationError, FencedOffError } from '../../domain/errors';
import type { Position } from '../../domain/position';
import type { Target } from '../connector';
import { fileRecordOf } from './checkpoint';
import type { PostgresConnection } from './connection';
import { codeOf } from './errors';
import { quoteTable } from './quote';
import type { Names } from './system-tables';
import { batchColumn } from '../../domain/column';

const mine = 'target = $1 AND pipeline = $2 AND stream = $3';

/** Two transactions (semantics 2): take the fence; then, repeatable, settle what lower fences left unpublished. */
export async function claimStream(connection: PostgresConnection, names: Names, target: Target): Promise<Claim> {
  const key = [names.label, names.pipeline, names.stream];
  const taken = await connection.transaction(() => takeFence(connection, names, target, key));
  if (Number(taken['settled']) < Number(taken['fence'])) await settle(connection, names, Number(taken['fence']), key);
  const files = await connection.rows(`SELECT path, size::text, version FROM ${names.files} WHERE ${mine} ORDER BY path`, key);
  return {
    fence: Number(taken['fence']), version: Number(taken['version']),
    position: taken['position'] ? (JSON.parse(taken['position']) as Position) : null,
    files: files.map(fileRecordOf),
  };
}

async function takeFence(connection: PostgresConnection, names: Names, { run, stream }: Target, key: readonly string[]): Promise<Record<string, string | null>> {
  await connection.run(`INSERT INTO ${names.checkpoints} (target, pipeline, stream) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, key);
  const row = await connection.row(`SELECT holder, fence::text, version::text, settled::text, position, (started_at > $4::timestamptz)::text AS newer FROM ${names.checkpoints} WHERE ${mine} FOR UPDATE`, [...key, run.startedAt]);
  if (row['holder'] === names.holder) return row;
  if (row['newer'] === 'true') throw new FencedOffError(`claiming "${names.label}": run "${row['holder']}" started later and holds it; this run ends, nothing was written by it`, { target: names.label, holder: row['holder'] ?? null });
  await refuseForeign(connection, names, stream.write);
  return connection.row(`UPDATE ${names.checkpoints} SET holder = $4, started_at = $5, fence = fence + 1, "write" = $6 WHERE ${mine} RETURNING fence::text, version::text, settled::text, position`, [...key, names.holder, run.startedAt, stream.write]);
}

/** replace, delete_insert and scd2 take rows away, so their target belongs to one stream. */
async function refuseForeign(connection: PostgresConnection, names: Names, write: string): Promise<void> {
  const taking = ['replace', 'delete_insert', 'scd2'];
  const others = await connection.rows(`SELECT pipeline, stream, "write" FROM ${names.checkpoints} WHERE target = $1 AND (pipeline, stream) <> ($2, $3) AND version > 0`, [names.label, names.pipeline, names.stream]);
  const other = others.find((row) => taking.includes(write) || taking.includes(row['write'] ?? ''));
  if (other) throw new ConfigurationError(`claiming "${names.label}": stream "${other['stream']}" of pipeline "${other['pipeline']}" writes it too, and ${write} would take its rows away; give one of them another table, or, if it is that stream under another name, let this one take its place with "millrace state adopt"`, { target: names.label });
}

/** Rows of `visible: batch` go by batch number, hidden tables are dropped; then the ledger says so. */
async function settle(connection: PostgresConnection, names: Names, fence: number, key: readonly string[]): Promise<void> {
  await dropHidden(connection, names, fence);
  await connection.transaction(async () => {
    const left = await connection.rows(`SELECT batch_number::text AS n FROM ${names.loads} WHERE ${mine} AND state = 'committed' AND fence < $4`, [...key, fence]);
    if (left.length > 0) await deleteBatches(connection, names, left.map((row) => row['n']!));
    await connection.run(`UPDATE ${names.loads} SET state = 'rolled_back' WHERE ${mine} AND state = 'committed' AND fence < $4`, [...key, fence]);
    await connection.run(`UPDATE ${names.checkpoints} SET settled = $4 WHERE ${mine} AND fence = $4`, [...key, fence]);
  });
}

export async function deleteBatches(connection: PostgresConnection, names: Names, numbers: readonly string[]): Promise<number> {
  const { there } = await connection.row('SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped)::text AS there', [names.target, batchColumn]);
  return there === 'true' ? connection.run(`DELETE FROM ${names.target} WHERE ${batchColumn} = ANY($1::bigint[])`, [`{${numbers.join(',')}}`]) : 0;
}

/** Hidden tables below the present fence: whatever their fence had not published is settled, so they are nobody's. */
export async function leftovers(connection: PostgresConnection, names: Names, drop: boolean): Promise<readonly string[]> {
  const { there } = await connection.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [names.checkpoints]);
  const [row] = there === 'true' ? await connection.rows(`SELECT fence::text FROM ${names.checkpoints} WHERE ${mine} AND settled = fence`, [names.label, names.pipeline, names.stream]) : [];
  if (!row) return [];
  const fence = Number(row['fence']);
  const before = await hiddenBelow(connection, names, fence);
  if (!drop || before.length === 0) return before;
  await dropHidden(connection, names, fence);
  const after = await hiddenBelow(connection, names, fence);
  return before.filter((name) => !after.includes(name));
}

async function hiddenBelow(connection: PostgresConnection, names: Names, below: number): Promise<readonly string[]> {
  const tables = await connection.rows('SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname LIKE $2', [names.schema, `\\_millrace\\_s\\_%\\_${names.hash}`]);
  return tables.map((row) => row['name']!).filter((name) => Number(name.split('_')[3]) < below);
}

/** A table that cannot be locked now, because somebody reads it, is left to the next claim. */
export async function dropHidden(connection: PostgresConnection, names: Names, below: number): Promise<void> {
  for (const name of await hiddenBelow(connection, names, below)) {
    await connection.run(`DROP TABLE IF EXISTS ${quoteTable({ schema: names.schema, table: name })}`).catch((error: unknown) => {
      if (codeOf(error) !== '55P03' && !/lock timeout/.test(String(error))) throw error;
    });
  }
}
