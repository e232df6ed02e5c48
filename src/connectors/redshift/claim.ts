import type { Claim } from '../../domain/claim';
import { ConfigurationError, FencedOffError } from '../../domain/errors';
import type { Target } from '../connector';
import { checkpointRow, filesOf, positionOf } from './checkpoint';
import type { Redshift, TextRow } from './client';
import type { Names } from './names';
import { quoteIdentifier, quoteLiteral } from './quote';
import { removeStaged } from './staging-places';

const taking = ['replace', 'delete_insert', 'scd2'];

/** Two transactions (semantics 2): take the fence; then, repeatable, settle what lower fences left unpublished. */
export async function claimStream(redshift: Redshift, names: Names, target: Target): Promise<Claim> {
  const before = await checkpointRow(redshift, names);
  refuseOlder(names, target, before);
  if (before?.['holder'] !== names.holder) {
    // A COPY of an earlier run holds the lock; it can no longer be of use.
    await redshift.cancelAll(names.statements);
    await takeFence(redshift, names, target);
  }
  const row = (await checkpointRow(redshift, names))!;
  if (row['holder'] !== names.holder) {
    refuseOlder(names, target, row);
    throw await foreignError(redshift, names, target.stream.write);
  }
  if (Number(row['settled']) < Number(row['fence'])) await settle(redshift, names, Number(row['fence']));
  return { fence: Number(row['fence']), version: Number(row['version']), position: positionOf(row), files: await filesOf(redshift, names) };
}

function refuseOlder(names: Names, { run }: Target, row: TextRow | null): void {
  if (!row || row['holder'] === names.holder || row['started_at'] === null || row['started_at']! <= run.startedAt) return;
  throw new FencedOffError(`claiming "${names.label}": run "${row['holder']}" started later and holds it; this run ends, nothing was written by it`, { target: names.label, holder: row['holder'] ?? null });
}

/** Fences are allotted per target, so that a batch's number is unique in the table. Writes nothing where another stream's write excludes ours. */
async function takeFence(redshift: Redshift, names: Names, { run, stream }: Target): Promise<void> {
  const [label, holder, startedAt] = [names.label, names.holder, run.startedAt].map(quoteLiteral);
  const excluded = taking.includes(stream.write) ? '' : ` AND "write" IN (${taking.map(quoteLiteral).join(', ')})`;
  await redshift.transaction({
    doing: `claiming "${names.label}"`,
    steps: [
      { sql: `LOCK ${names.lock}, ${names.checkpoints}` },
      { sql: `INSERT INTO ${names.checkpoints} (target, pipeline, stream, fence, settled, version) SELECT ${label}, ${quoteLiteral(names.pipeline)}, ${quoteLiteral(names.stream)}, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM ${names.checkpoints} WHERE ${names.mine})` },
      { sql: `CREATE TEMP TABLE _millrace_next AS SELECT max(fence) + 1 AS fence, sum(CASE WHEN NOT (${names.mine}) AND version > 0${excluded} THEN 1 ELSE 0 END) AS others FROM ${names.checkpoints} WHERE target = ${label}` },
      { sql: `UPDATE ${names.checkpoints} SET holder = ${holder}, started_at = ${startedAt}, fence = n.fence, "write" = ${quoteLiteral(stream.write)} FROM _millrace_next n WHERE ${names.mine} AND n.others = 0 AND (holder IS NULL OR (holder <> ${holder} AND started_at <= ${startedAt}))` },
    ],
  });
}

/** replace, delete_insert and scd2 take rows away, so their target belongs to one stream. */
async function foreignError(redshift: Redshift, names: Names, write: string): Promise<ConfigurationError> {
  const [other] = await redshift.rows(`SELECT pipeline, stream FROM ${names.checkpoints} WHERE target = ${quoteLiteral(names.label)} AND NOT (${names.mine}) AND version > 0 ORDER BY CASE WHEN "write" IN (${taking.map(quoteLiteral).join(', ')}) THEN 0 ELSE 1 END LIMIT 1`);
  return new ConfigurationError(`claiming "${names.label}": stream "${other?.['stream']}" of pipeline "${other?.['pipeline']}" writes it too, and ${write} would take its rows away; give one of them another table, or, if it is that stream under another name, let this one take its place with "millrace state adopt"`, { target: names.label });
}

/** Hidden tables of lower fences go; then the ledger says so. The lock makes the update see what an old load committed last. */
async function settle(redshift: Redshift, names: Names, fence: number): Promise<void> {
  await dropHidden(redshift, names, fence);
  await redshift.transaction({
    doing: `settling "${names.label}"`,
    steps: [
      { sql: `LOCK ${names.lock}` },
      { sql: `UPDATE ${names.loads} SET state = 'rolled_back' WHERE ${names.mine} AND state = 'committed' AND fence < ${fence}` },
      { sql: `DELETE FROM ${names.displaced} WHERE target = ${quoteLiteral(names.label)} AND batch_number IN (SELECT batch_number FROM ${names.loads} WHERE ${names.mine} AND state = 'rolled_back')` },
      { sql: `UPDATE ${names.checkpoints} SET settled = ${fence} WHERE ${names.mine} AND fence = ${fence}` },
    ],
  });
  await removeStaged(redshift.config, names, fence - 1);
}

async function hiddenBelow(redshift: Redshift, names: Names, below: number): Promise<readonly string[]> {
  const rows = await redshift.rows(`SELECT CAST(table_name AS VARCHAR) AS name FROM svv_tables WHERE table_schema = ${quoteLiteral(names.schema)} AND LEFT(table_name, 12) = '_millrace_s_' AND RIGHT(table_name, 16) = ${quoteLiteral(names.hash)}`);
  return rows.map((row) => row['name']!).filter((name) => Number(name.split('_')[3]) < below);
}

export async function dropHidden(redshift: Redshift, names: Names, below: number): Promise<readonly string[]> {
  const tables = await hiddenBelow(redshift, names, below);
  for (const name of tables) {
    await redshift.transaction({ doing: `dropping "${name}"`, steps: [{ sql: `LOCK ${names.lock}` }, { sql: `DROP TABLE IF EXISTS ${quoteIdentifier(names.schema)}.${quoteIdentifier(name)}` }] });
  }
  return tables;
}

/** Hidden tables below the present fence: whatever their fence had not published is settled, so they are nobody's. */
export async function leftovers(redshift: Redshift, names: Names, drop: boolean): Promise<readonly string[]> {
  const row = await checkpointRow(redshift, names);
  if (!row || row['settled'] !== row['fence']) return [];
  return drop ? dropHidden(redshift, names, Number(row['fence'])) : hiddenBelow(redshift, names, Number(row['fence']));
}
