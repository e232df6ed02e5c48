import { batchColumn } from '../../domain/column';
import { ConfigurationError } from '../../domain/errors';
import type { PublishReceipt } from '../../domain/receipt';
import { canRollback as wordsAllow } from '../../domain/rollback';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { RollbackAnswer, Target } from '../connector';
import { dropHidden, tableExists, type Names } from './names';
import { keptBy } from './write-replace';

/** What a rollback of this run would do here, or why it cannot; as in the Postgres destination (semantics 8). */
export async function canRollback(session: Session, names: Names, { stream }: Target): Promise<RollbackAnswer> {
  const checkpoint = await checkpointOf(session, names);
  const published = await numbersOf(session, names, "state = 'published'");
  if (published.length === 0 && checkpoint?.publisher !== names.holder) return { possible: true, removes: 'unpublished' };
  const { can, why } = wordsAllow(stream);
  if (!can) return { possible: false, reason: why };
  if (checkpoint?.publisher !== names.holder) return { possible: false, reason: `a later run has published to "${names.label}" since; only the newest can be taken back` };
  if (stream.write === 'append') return checkpoint.receipt.deleted > 0 ? { possible: false, reason: 'it replaced rows of changed files, which are not kept' } : { possible: true, removes: 'batches' };
  const kept = await session.rows(`SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ${quoteLiteral(names.schema)} AND table_name = ${quoteLiteral(names.previousName)} AND comment = ${quoteLiteral(keptBy(names.holder))}`);
  return kept.length > 0 ? { possible: true, removes: 'replacement' } : { possible: false, reason: `the table it replaced is not there any more ("${names.previousName}")` };
}

/** Takes back what this run wrote, inside the caller's transaction; throws where the answer of `canRollback` is no. */
export async function rollbackRun(session: Session, names: Names, target: Target): Promise<void> {
  const answer = await canRollback(session, names, target);
  if (!answer.possible) throw new ConfigurationError(`rolling back run "${names.holder}" in "${names.label}": ${answer.reason}; nothing was changed`, { target: names.label });
  if ((await numbersOf(session, names, "state = 'committed'")).length > 0) await dropHidden(session, names, Number.MAX_SAFE_INTEGER);
  const published = (await numbersOf(session, names, "state = 'published'")).join(', ') || 'NULL';
  if (answer.removes === 'batches') await session.run(`DELETE FROM ${names.target} WHERE ${batchColumn} IN (${published})`);
  if (answer.removes === 'replacement') await bringBack(session, names);
  if (answer.removes !== 'unpublished') await resetCheckpoint(session, names, published);
  await session.run(`UPDATE _millrace_loads SET state = 'rolled_back' WHERE ${names.mine} AND run = ${quoteLiteral(names.holder)} AND state <> 'rolled_back'`);
}

async function bringBack(session: Session, names: Names): Promise<void> {
  await session.run(`DELETE FROM ${names.target}`);
  await session.run(`INSERT INTO ${names.target} BY NAME SELECT * FROM ${names.previous}`);
  await session.run(`DROP TABLE ${names.previous}`);
}

/** The next run reads what this one had read. The version moves, so that a run under way does not publish on what is gone. */
async function resetCheckpoint(session: Session, names: Names, numbers: string): Promise<void> {
  const before = (await checkpointOf(session, names))!.receipt.before ?? null;
  await session.run(`DELETE FROM _millrace_files WHERE ${names.mine} AND list_has_any(batches, [${numbers}]::BIGINT[])`);
  await session.run(`UPDATE _millrace_checkpoints SET "position" = ${before === null ? 'NULL' : quoteLiteral(JSON.stringify(before))}, version = version + 1, publisher = NULL, receipt = NULL WHERE ${names.mine}`);
}

async function numbersOf(session: Session, names: Names, condition: string): Promise<readonly string[]> {
  if (!(await tableExists(session, 'main', '_millrace_loads'))) return [];
  return (await session.rows(`SELECT batch_number AS n FROM _millrace_loads WHERE ${names.mine} AND run = ${quoteLiteral(names.holder)} AND ${condition}`)).map((row) => row['n']!);
}

async function checkpointOf(session: Session, names: Names): Promise<{ readonly publisher: string; readonly receipt: PublishReceipt } | null> {
  if (!(await tableExists(session, 'main', '_millrace_checkpoints'))) return null;
  const [row] = await session.rows(`SELECT publisher, receipt FROM _millrace_checkpoints WHERE ${names.mine} AND receipt IS NOT NULL`);
  return row ? { publisher: row['publisher']!, receipt: JSON.parse(row['receipt']!) as PublishReceipt } : null;
}
