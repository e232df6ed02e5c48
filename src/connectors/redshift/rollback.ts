import { batchColumn } from '../../domain/column';
import { ConfigurationError } from '../../domain/errors';
import type { PublishReceipt } from '../../domain/receipt';
import { canRollback as wordsAllow } from '../../domain/rollback';
import type { RollbackAnswer, Target } from '../connector';
import { checkpointRow, positionSql } from './checkpoint';
import { dropHidden } from './claim';
import type { Redshift, Step } from './client';
import { assertion } from './fence';
import type { Names } from './names';
import { quoteList, quoteLiteral } from './quote';
import { columnsOf } from './columns';
import { systemTablesThere } from './system-tables';
import { keptBy } from './write-replace';

const ours = (names: Names): string => `${names.mine} AND run = ${quoteLiteral(names.holder)}`;

/** What a rollback of this run would do here, or why it cannot; as in the Postgres destination (semantics 8). */
export async function canRollback(redshift: Redshift, names: Names, { stream }: Target): Promise<RollbackAnswer> {
  if (!(await systemTablesThere(redshift))) return { possible: true, removes: 'unpublished' };
  const checkpoint = await checkpointRow(redshift, names);
  const published = await redshift.rows(`SELECT '1' AS some FROM ${names.loads} WHERE ${ours(names)} AND state = 'published' LIMIT 1`);
  if (published.length === 0 && checkpoint?.['publisher'] !== names.holder) return { possible: true, removes: 'unpublished' };
  const { can, why } = wordsAllow(stream);
  if (!can) return { possible: false, reason: why };
  if (checkpoint?.['publisher'] !== names.holder || checkpoint['receipt'] === null) return { possible: false, reason: `a later run has published to "${names.label}" since; only the newest can be taken back` };
  if (stream.write === 'append') return Number(checkpoint['deleted']) > 0 ? { possible: false, reason: 'it replaced rows of changed files, which are not kept' } : { possible: true, removes: 'batches' };
  const kept = await redshift.rows(`SELECT '1' AS some FROM svv_tables WHERE table_schema = ${quoteLiteral(names.schema)} AND table_name = ${quoteLiteral(names.previousName)} AND remarks = ${quoteLiteral(keptBy(names.holder))}`);
  return kept.length > 0 ? { possible: true, removes: 'replacement' } : { possible: false, reason: `the table it replaced is not there any more ("${names.previousName}")` };
}

/** Takes back what this run wrote; throws where the answer of `canRollback` is no. */
export async function rollbackRun(redshift: Redshift, names: Names, target: Target): Promise<void> {
  const answer = await canRollback(redshift, names, target);
  if (!answer.possible) throw new ConfigurationError(`rolling back run "${names.holder}" in "${names.label}": ${answer.reason}; nothing was changed`, { target: names.label });
  if (!(await systemTablesThere(redshift))) return;
  const unpublished = await redshift.rows(`SELECT DISTINCT CAST(fence AS VARCHAR) AS fence FROM ${names.loads} WHERE ${ours(names)} AND state = 'committed'`);
  for (const { fence } of unpublished) await dropHidden(redshift, names, Number(fence) + 1);
  const row = await checkpointRow(redshift, names);
  const moved = new ConfigurationError(`rolling back run "${names.holder}" in "${names.label}": another run has published meanwhile; nothing was changed`);
  await redshift.transaction({
    doing: `rolling back run "${names.holder}" in "${names.label}"`,
    steps: [
      { sql: `LOCK ${names.lock}, ${names.checkpoints}` },
      ...(row ? [assertion('count(*) = 1', `FROM ${names.checkpoints} WHERE ${names.mine} AND version = ${row['version']}`, () => moved)] : []),
      ...(answer.removes === 'unpublished' ? [] : await takeBack(redshift, names, answer.removes, row!)),
      { sql: `DELETE FROM ${names.displaced} WHERE target = ${quoteLiteral(names.label)} AND run = ${quoteLiteral(names.holder)}` },
      { sql: `UPDATE ${names.loads} SET state = 'rolled_back' WHERE ${ours(names)} AND state <> 'rolled_back'` },
    ],
  });
}

/** Rows, files and checkpoint as they were. The version moves, so that a run under way does not publish on what is gone. */
async function takeBack(redshift: Redshift, names: Names, removes: 'batches' | 'replacement', row: Readonly<Record<string, string | null>>): Promise<readonly Step[]> {
  const before = (JSON.parse(row['receipt']!) as PublishReceipt).before ?? null;
  const numbers = `(SELECT batch_number FROM ${names.loads} WHERE ${ours(names)} AND state = 'published')`;
  const columns = quoteList([...(await columnsOf(redshift, names.schema, names.previousName)).keys()]);
  const rows = removes === 'batches'
    ? [{ sql: `DELETE FROM ${names.target} WHERE ${batchColumn} IN ${numbers}` }]
    : [{ sql: `DELETE FROM ${names.target}` }, { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${names.previous}` }, { sql: `DROP TABLE ${names.previous}` }];
  return [
    ...rows,
    { sql: `DELETE FROM ${names.files} WHERE ${names.mine} AND batch_number IN ${numbers}` },
    { sql: `UPDATE ${names.checkpoints} SET "position" = ${positionSql(before)}, version = version + 1, publisher = NULL, receipt = NULL WHERE ${names.mine}` },
  ];
}
