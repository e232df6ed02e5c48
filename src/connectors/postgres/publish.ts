import { batchColumn, type Column } from '../../domain/column';
import { BalanceError, FencedOffError } from '../../domain/errors';
import { batchesByPart } from '../../domain/ids';
import { inSourceOrder } from '../../domain/order';
import type { Position } from '../../domain/position';
import type { PublishReceipt } from '../../domain/receipt';
import type { PublishRequest } from '../connector';
import { deleteBatches } from './claim';
import type { PostgresConnection } from './connection';
import { recordDisplaced, recordStrangers } from './displaced';
import { refuseOldFence } from './load';
import { lockTarget } from './lock';
import { sharedBatch } from '../shared-batch';
import { columnsOf } from './prepare';
import { arrayOf } from './quote';
import type { Names } from './system-tables';
import type { LedgerBatches, Loading, Written } from './write';
import { writeRows } from './writes';

const mine = 'target = $1 AND pipeline = $2 AND stream = $3';

/** Rows visible, ledger, files and checkpoint: one transaction. Lock order is table, then row; the other way round deadlocks. */
export async function publishStream(loading: Loading, names: Names, request: PublishRequest): Promise<PublishReceipt> {
  const { connection, control } = loading;
  const { plan, batchIds, target } = request;
  const key = [names.label, names.pipeline, names.stream];
  const stored = await storedReceipt(connection, names, key, plan.version);
  if (stored) return stored;
  await connection.run('BEGIN');
  try {
    await lockTarget(connection, names, target.stream.write);
    await refuseOldFence(connection, names, plan.fence, plan.version, 'FOR UPDATE');
    const batches = await ledgerBatches(connection, names, batchIds);
    const { numbers } = batches;
    await recordStrangers(connection, names, request);
    const reloaded = plan.reloads.length > 0 ? await removeReloaded(connection, names, request, key) : 0;
    const written = await writeRows(loading, names, request, batches);
    if (target.stream.lineage) await refuseOtherCount(connection, names, numbers, written, target.stream.write === 'replace');
    await connection.run(`UPDATE ${names.loads} SET state = 'published', published_at = now() WHERE batch_id = ANY($1::text[])`, [arrayOf(batchIds)]);
    await recordFiles(connection, names, request, key);
    const checks = await request.inspect?.({ table: names.target, columns: columnList(await columnsOf(connection, names.target)), dialect: 'postgres', ask: (sql) => connection.row(sql) });
    const receipt: PublishReceipt = { fence: plan.fence, version: plan.version + 1, batches: batchIds.length, ...written, deleted: written.deleted + reloaded, position: plan.position, before: await positionNow(connection, names, key), ...(checks && { checks }) };
    await connection.run(`UPDATE ${names.checkpoints} SET version = version + 1, position = $4, publisher = $5, receipt = $6, published_at = now() WHERE ${mine}`, [...key, JSON.stringify(plan.position), names.holder, JSON.stringify(receipt)]);
    control.reached('publish:before-commit');
    await connection.run('COMMIT');
    control.reached('publish:after-commit');
    return receipt;
  } catch (error) {
    await connection.client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

const columnList = (types: ReadonlyMap<string, string>): readonly Column[] => [...types].map(([name, type]) => ({ name, type, nullable: true }));

async function positionNow(connection: PostgresConnection, names: Names, key: readonly string[]): Promise<Position | null> {
  const { position } = await connection.row(`SELECT position FROM ${names.checkpoints} WHERE ${mine}`, key);
  return position === null ? null : (JSON.parse(position!) as Position);
}

async function storedReceipt(connection: PostgresConnection, names: Names, key: readonly string[], version: number): Promise<PublishReceipt | null> {
  const [row] = await connection.rows(`SELECT version::text, publisher, receipt FROM ${names.checkpoints} WHERE ${mine}`, key);
  if (!row || Number(row['version']) !== version + 1 || row['publisher'] !== names.holder) return null;
  return JSON.parse(row['receipt']!) as PublishReceipt;
}

/** Ledger numbers, oldest first; every planned batch must be there. */
async function ledgerBatches(connection: PostgresConnection, names: Names, batchIds: readonly string[]): Promise<LedgerBatches> {
  const rows = await connection.rows(`SELECT batch_id, batch_number::text AS n, original::text, state FROM ${names.loads} WHERE batch_id = ANY($1::text[])`, [arrayOf(batchIds)]);
  const found = new Map(rows.filter((row) => row['state'] === 'committed').map((row) => [row['batch_id']!, row]));
  const missing = batchIds.filter((id) => !found.has(id));
  if (missing.length > 0) throw new FencedOffError(`publishing to "${names.label}": batch "${missing[0]}" is not in the ledger as committed; nothing was published: start a new run`, { batches: missing.length });
  return inSourceOrder(batchIds.map((id) => ({ number: found.get(id)!['n']!, original: found.get(id)!['original'] ?? null })));
}

/** Command tags or the ledger told how many rows were written; the table must hold as many by batch number, and after a replace no others. */
async function refuseOtherCount(connection: PostgresConnection, names: Names, numbers: readonly string[], { rows }: Written, alone: boolean): Promise<void> {
  const own = `${batchColumn} = ANY($1::bigint[])`;
  const { n, others } = await connection.row(alone
    ? `SELECT count(*) FILTER (WHERE ${own})::text AS n, count(*) FILTER (WHERE (${own}) IS NOT TRUE)::text AS others FROM ${names.target}`
    : `SELECT count(*)::text AS n, '0' AS others FROM ${names.target} WHERE ${own}`, [`{${numbers.join(',')}}`]);
  if (others !== '0') throw new BalanceError(`publishing to "${names.label}": the table holds ${others} rows that this run did not load; nothing was published`, { target: names.label });
  if (Number(n) !== rows) throw new BalanceError(`publishing to "${names.label}": ${rows} rows were written, the table holds ${n} of this run; nothing was published`, { target: names.label });
}

async function removeReloaded(connection: PostgresConnection, names: Names, request: PublishRequest, key: readonly string[]): Promise<number> {
  const rows = await connection.rows(`SELECT unnest(batches)::text AS n FROM ${names.files} WHERE ${mine} AND path = ANY($4::text[])`, [...key, arrayOf(request.plan.reloads)]);
  if (rows.length === 0) return 0;
  const numbers = rows.map((row) => row['n']!);
  const [shared] = await connection.rows(`SELECT path FROM ${names.files} WHERE ${mine} AND NOT path = ANY($4::text[]) AND batches && $5::bigint[] LIMIT 1`, [...key, arrayOf(request.plan.reloads), `{${numbers.join(',')}}`]);
  if (shared) throw sharedBatch(names.label, shared['path']!);
  await recordDisplaced({ connection, names, request, table: names.target, rows: `SELECT * FROM ${names.target} WHERE ${batchColumn} IN (${numbers.join(', ')})` });
  return deleteBatches(connection, names, numbers);
}

/** A file is a partition; by its batches its rows are found when it is loaded again. */
async function recordFiles(connection: PostgresConnection, names: Names, { plan, batchIds }: PublishRequest, key: readonly string[]): Promise<void> {
  const batchesOf = batchesByPart(batchIds);
  for (const [ordinal, file] of plan.files.entries()) {
    await connection.run(
      `INSERT INTO ${names.files} (target, pipeline, stream, path, size, version, batches) SELECT $1, $2, $3, $4, $5, $6, coalesce(array_agg(batch_number), '{}') FROM ${names.loads} WHERE batch_id = ANY($7::text[]) ` +
      'ON CONFLICT (target, pipeline, stream, path) DO UPDATE SET size = excluded.size, version = excluded.version, batches = excluded.batches',
      [...key, file.path, file.size, file.version, arrayOf(batchesOf(ordinal))]);
  }
}
