import { batchColumn } from '../../domain/column';
import { DestinationHeldError } from '../../domain/errors';
import { batchNumberOf, partOf } from '../../domain/ids';
import type { Plan } from '../../domain/plan';
import type { Redshift } from './client';
import { assertion, fencedOff } from './fence';
import type { Names } from './names';
import { quoteLiteral } from './quote';

/** A ledger row `rolled_back` keeps the id, so that an attempt of this batch that wakes up late cannot commit; its rows go, if it had any. */
export async function discardBatch(redshift: Redshift, names: Names, plan: Pick<Plan, 'fence' | 'version' | 'hash'>, batchId: string): Promise<void> {
  const number = batchNumberOf(plan.fence, partOf(batchId));
  const id = quoteLiteral(batchId);
  const texts = [names.label, names.pipeline, names.stream, names.holder].map(quoteLiteral).join(', ');
  // What an attempt left under way would hold the lock; its batch is not wanted any more.
  await redshift.cancelAll(`${names.statements}${number}/`);
  await redshift.transaction({
    doing: `discarding batch "${batchId}" of "${names.label}"`,
    steps: [
      { sql: `LOCK ${names.lock}` },
      fencedOff(names, plan.fence, plan.version),
      assertion('count(*) = 0', `FROM ${names.loads} WHERE batch_id = ${id} AND state = 'published'`, () => new DestinationHeldError(`discarding batch "${batchId}" of "${names.label}": it is published; only what is not published can be taken back`, { batch: batchId })),
      { sql: `DELETE FROM ${names.hidden(plan.fence)} WHERE ${batchColumn} = ${number}` },
      { sql: `DELETE FROM ${names.displaced} WHERE target = ${quoteLiteral(names.label)} AND batch_number = ${number}` },
      { sql: `UPDATE ${names.loads} SET state = 'rolled_back' WHERE batch_id = ${id}` },
      { sql: `INSERT INTO ${names.loads} (batch_number, batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, "rows", state, committed_at) SELECT ${number}, ${id}, ${texts}, ${plan.fence}, '', ${quoteLiteral(plan.hash)}, 0, 'rolled_back', GETDATE() WHERE NOT EXISTS (SELECT 1 FROM ${names.loads} WHERE batch_id = ${id})` },
    ],
  });
}
