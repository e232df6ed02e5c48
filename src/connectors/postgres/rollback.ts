import type { Position } from '../../domain/position';
import type { PublishReceipt } from '../../domain/receipt';
import { canRollback as wordsAllow } from '../../domain/rollback';
import { ConfigurationError } from '../../domain/errors';
import type { RollbackAnswer, Target } from '../connector';
import { deleteBatches, dropHidden } from './claim';
import type { PostgresConnection } from './connection';
import { lockTarget } from './lock';
import { columnsOf } from './prepare';
import { bringBack, findKept } from './previous';
import type { Names } from './system-tables';

const mine = 'target = $1 AND pipeline = $2 AND stream = $3';

interface Batches {
  readonly committed: readonly string[];
  readonly published: readonly string[];
  readonly fences: readonly number[];
}

/** What a rollback of this run would do here, or why it cannot (semantics 8). */
export async function canRollback(connection: PostgresConnection, names: Names, { stream }: Target): Promise<RollbackAnswer> {
  const { published } = await batchesOf(connection, names);
  const checkpoint = await checkpointOf(connection, names);
  if (published.length === 0 && checkpoint?.publisher !== names.holder) return { possible: true, removes: 'unpublished' };
  const { can, why } = wordsAllow(stream);
  if (!can) return { possible: false, reason: why };
  if (checkpoint?.publisher !== names.holder) return { possible: false, reason: `a later run has published to "${names.label}" since; only the newest can be taken back` };
  if (stream.write === 'append') return checkpoint.receipt.deleted > 0 ? { possible: false, reason: 'it replaced rows of changed files, which are not kept' } : { possible: true, removes: 'batches' };
  const kept = await findKept(connection, names);
  return kept?.replacedBy === names.holder ? { possible: true, removes: 'replacement' } : { possible: false, reason: `the table it replaced is not there any more ("${names.previousName}")` };
}

/** Takes back what this run wrote, published or not; throws where the answer of `canRollback` is no. */
export async function rollbackRun(connection: PostgresConnection, names: Names, target: Target): Promise<void> {
  const { committed, published, fences } = await batchesOf(connection, names);
  for (const fence of fences) await dropHidden(connection, names, fence + 1);
  await connection.transaction(async () => {
    if ((await columnsOf(connection, names.target)).size > 0) await lockTarget(connection, names, target.stream.write);
    await connection.run(`SELECT 1 FROM ${names.checkpoints} WHERE ${mine} FOR UPDATE`, keyOf(names));
    const answer = await canRollback(connection, names, target);
    if (!answer.possible) throw new ConfigurationError(`rolling back run "${names.holder}" in "${names.label}": ${answer.reason}; nothing was changed`, { target: names.label });
    if (answer.removes === 'replacement') await bringBack(connection, names, (await findKept(connection, names))!);
    else if (committed.length + published.length > 0) await deleteBatches(connection, names, [...committed, ...published]);
    if (answer.removes !== 'unpublished') await resetCheckpoint(connection, names, published);
    await connection.run(`UPDATE ${names.loads} SET state = 'rolled_back' WHERE run = $1 AND target = $2 AND state <> 'rolled_back'`, [names.holder, names.label]);
  });
}

/** The next run reads what this one had read. The version moves, so that a run under way does not publish on what is gone. */
async function resetCheckpoint(connection: PostgresConnection, names: Names, numbers: readonly string[]): Promise<void> {
  const { receipt } = (await checkpointOf(connection, names))!;
  const before: Position | null = receipt.before ?? null;
  await connection.run(`DELETE FROM ${names.files} WHERE ${mine} AND batches && $4::bigint[]`, [...keyOf(names), `{${numbers.join(',')}}`]);
  await connection.run(`UPDATE ${names.checkpoints} SET position = $4, version = version + 1, publisher = NULL, receipt = NULL WHERE ${mine}`, [...keyOf(names), before === null ? null : JSON.stringify(before)]);
}

const keyOf = (names: Names): readonly string[] => [names.label, names.pipeline, names.stream];

async function batchesOf(connection: PostgresConnection, names: Names): Promise<Batches> {
  const rows = await connection.rows(`SELECT batch_number::text AS n, fence::text, state FROM ${names.loads} WHERE run = $1 AND target = $2 AND state <> 'rolled_back'`, [names.holder, names.label]);
  const of = (state: string) => rows.filter((row) => row['state'] === state).map((row) => row['n']!);
  return { committed: of('committed'), published: of('published'), fences: [...new Set(rows.filter((row) => row['state'] === 'committed').map((row) => Number(row['fence'])))] };
}

async function checkpointOf(connection: PostgresConnection, names: Names): Promise<{ readonly publisher: string; readonly receipt: PublishReceipt } | null> {
  const [row] = await connection.rows(`SELECT publisher, receipt FROM ${names.checkpoints} WHERE ${mine} AND receipt IS NOT NULL`, keyOf(names));
  return row ? { publisher: row['publisher']!, receipt: JSON.parse(row['receipt']!) as PublishReceipt } : null;
}
