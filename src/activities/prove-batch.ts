import type { Batch } from '../domain/batch';
import { BalanceError } from '../domain/errors';
import type { Figures } from '../domain/fingerprint';
import type { Plan } from '../domain/plan';
import type { StagingStore } from '../stores/staging';
import type { Session } from '../transforms/duckdb-engine';
import { figuresOfParquet, figuresOfPrinted } from '../transforms/proof';

/** Fingerprint and figures of a batch, read once from the files that will be loaded: what was counted on the way has no part in it. */
export async function proveBatch(session: Session, staging: StagingStore, plan: Plan, batch: Pick<Batch, 'id' | 'format' | 'files' | 'rows'>): Promise<Figures | null> {
  if (!plan.proof) return null;
  const paths: string[] = [];
  for (const file of batch.files) paths.push(await staging.fetch(file));
  const read = batch.format === 'copy_csv' ? figuresOfPrinted : figuresOfParquet;
  const figures = await read(session, paths, plan.target, plan.proof.columns, batch.rows);
  if (figures.rows !== batch.rows) throw new BalanceError(`proving batch "${batch.id}": its files hold ${figures.rows} rows, ${batch.rows} were written; nothing was loaded, please report it`, { batch: batch.id });
  return figures;
}
