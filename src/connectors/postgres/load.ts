import { createReadStream } from 'node:fs';
import { batchColumn, positionColumn, type Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import { BalanceError, FencedOffError } from '../../domain/errors';
import { stagesPosition } from '../../domain/pipeline';
import { proofText } from '../../domain/fingerprint';
import type { LoadReceipt } from '../../domain/receipt';
import type { ConnectorContext, LoadRequest } from '../connector';
import type { PostgresConfig } from './config';
import type { PostgresConnection } from './connection';
import { copyIn, copyInSql, copyStream } from './copy-in';
import { setBatch } from './prepare';
import type { Names } from './system-tables';
import type { Loading } from './write';

/** Rows and their ledger row, in one transaction; the fence is looked at last, so a long COPY blocks no claim. */
export async function loadBatch(connection: PostgresConnection, config: PostgresConfig, names: Names, context: ConnectorContext, request: LoadRequest, control: Control): Promise<LoadReceipt> {
  const { target, plan, batch } = request;
  const earlier = await findLoad(connection, names, batch.id);
  if (earlier) return receiptOf(earlier, batch.checksum, batch.id);
  await refuseOldFence(connection, names, plan.fence, plan.version, '');
  const { n: number } = await connection.row(`SELECT nextval(pg_get_serial_sequence($1, 'batch_number'))::text AS n`, [names.loads]);
  const into = target.stream.visible === 'run' ? names.hidden(plan.fence) : names.target;
  await connection.run('BEGIN');
  try {
    const rows = batch.format === 'copy_csv'
      ? await copyText({ connection, config, context, control }, into, request, number!)
      : await copyBatch({ connection, config, context, control }, into, request, number!);
    control.reached('load:after-data');
    if (rows !== batch.rows) throw new BalanceError(`loading batch "${batch.id}" into "${names.label}": ${rows} rows arrived, ${batch.rows} were staged; nothing was loaded`, { batch: batch.id });
    await refuseOldFence(connection, names, plan.fence, plan.version, 'FOR SHARE');
    await connection.run(
      `INSERT INTO ${names.loads} (batch_number, batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, rows, state, original, fingerprint, proof) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'committed', $11, $12, $13)`,
      [number!, batch.id, names.label, names.pipeline, names.stream, names.holder, plan.fence, batch.checksum, plan.hash, rows, batch.original ?? null, batch.proof?.fingerprint ?? null, plan.proof ? proofText(plan.proof.columns) : null]);
    control.reached('load:before-commit');
    await connection.run('COMMIT');
    control.reached('load:after-commit');
    return { batchId: batch.id, batchNumber: number!, rows, alreadyLoaded: false };
  } catch (error) {
    await connection.client.query('ROLLBACK').catch(() => undefined);
    // Another attempt of the same batch may have committed meanwhile: its receipt is ours.
    const winner = await findLoad(connection, names, batch.id).catch(() => null);
    if (winner) return receiptOf(winner, batch.checksum, batch.id);
    throw error;
  }
}

const findLoad = async (connection: PostgresConnection, names: Names, id: string): Promise<Record<string, string | null> | null> =>
  (await connection.rows(`SELECT batch_id, batch_number::text, rows::text, checksum, state FROM ${names.loads} WHERE batch_id = $1`, [id]))[0] ?? null;

function receiptOf(row: Record<string, string | null>, checksum: string, id: string): LoadReceipt {
  if (row['state'] === 'rolled_back') throw new FencedOffError(`loading batch "${id}": it was rolled back by a later run; this run cannot load it again`, { batch: id });
  if (row['checksum'] !== checksum) throw new FencedOffError(`loading batch "${id}": the ledger has it with other content; it is neither loaded again nor skipped: start a new run`, { batch: id });
  return { batchId: id, batchNumber: row['batch_number']!, rows: Number(row['rows']), alreadyLoaded: true };
}

export async function refuseOldFence(connection: PostgresConnection, names: Names, fence: number, version: number, lock: '' | 'FOR SHARE' | 'FOR UPDATE'): Promise<void> {
  const found = await connection.rows(`SELECT 1 FROM ${names.checkpoints} WHERE target = $1 AND pipeline = $2 AND stream = $3 AND fence = $4 AND version = $5 ${lock}`, [names.label, names.pipeline, names.stream, fence, version]);
  if (found.length === 0) throw new FencedOffError(`writing to "${names.label}": a later run has claimed it; this run ends, nothing more was written by it`, { target: names.label, fence });
}

/** What the source's COPY printed, as it is. */
async function copyText(loading: Loading, into: string, { batch, paths }: LoadRequest, number: string): Promise<number> {
  await loading.connection.run(setBatch(number));
  const sql = copyInSql(into, batch.columns.map(({ name }) => name));
  let rows = 0;
  for (const file of paths) {
    rows += await copyStream(loading, sql, createReadStream(file, { highWaterMark: 1 << 20 }), `loading batch "${batch.id}" into ${into}`);
    loading.control.progress({ rows });
  }
  return rows;
}

/** Staged Parquet, with what the destination adds to each row. */
async function copyBatch(loading: Loading, into: string, { target: { stream }, batch, paths }: LoadRequest, number: string): Promise<number> {
  if (batch.rows === 0) return 0;
  const columns: Column[] = [...batch.columns, ...(stagesPosition(stream) ? [{ name: positionColumn, type: 'BIGINT', nullable: false }] : [])];
  const lineage = stream.lineage || stream.visible === 'run' ? [{ name: batchColumn, value: number }] : [];
  return copyIn(loading, { into, columns, constants: lineage, paths, what: `loading batch "${batch.id}" into ${into}` });
}
