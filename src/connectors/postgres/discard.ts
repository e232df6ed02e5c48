import type { Plan } from '../../domain/plan';
import { batchColumn } from '../../domain/column';
import { DestinationHeldError } from '../../domain/errors';
import { deleteBatches } from './claim';
import type { PostgresConnection } from './connection';
import { refuseOldFence } from './load';
import type { Names } from './system-tables';

/** A ledger row `rolled_back` keeps the id, so that an attempt of this batch that wakes up late cannot commit; its rows go, if it had any. */
export const discardBatch = (connection: PostgresConnection, names: Names, plan: Pick<Plan, 'fence' | 'version' | 'hash'>, batchId: string): Promise<void> => connection.transaction(async () => {
  await refuseOldFence(connection, names, plan.fence, plan.version, 'FOR SHARE');
  const before = (await connection.rows(`SELECT state FROM ${names.loads} WHERE batch_id = $1`, [batchId]))[0];
  if (before?.['state'] === 'published') throw new DestinationHeldError(`discarding batch "${batchId}" of "${names.label}": it is published; only what is not published can be taken back`, { batch: batchId });
  const row = await connection.row(
    `INSERT INTO ${names.loads} (batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, rows, state) VALUES ($1, $2, $3, $4, $5, $6, '', $7, 0, 'rolled_back') ` +
    `ON CONFLICT (batch_id) DO UPDATE SET state = 'rolled_back' RETURNING batch_number::text AS n`,
    [batchId, names.label, names.pipeline, names.stream, names.holder, plan.fence, plan.hash]);
  await deleteBatches(connection, names, [row['n']!]);
  const hidden = names.hidden(plan.fence);
  const { there } = await connection.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [hidden]);
  if (there === 'true') await connection.run(`DELETE FROM ${hidden} WHERE ${batchColumn} = $1`, [row['n']!]);
});
