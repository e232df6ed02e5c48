import { batchColumn } from '../../domain/column';
import { DestinationHeldError } from '../../domain/errors';
import { hangsOn } from './hangs';
import { lockForSwap } from './lock';
import { recordReplaced } from './displaced';
import { columnsOf } from './prepare';
import { keepAside, keptNote } from './previous';
import { quoteIdentifier } from './quote';
import { shapeOf } from './shape';
import type { Write, Written } from './write';

/** The table becomes what was read: another takes its name where nothing would be lost by that, else its rows are changed (semantics 7). */
export async function replace(write: Write): Promise<Written> {
  const { connection, names, request: { target: { stream } } } = write;
  const deleted = await recordReplaced(connection, names, write.request);
  const reasons = await againstRename(write);
  if (reasons.length === 0) return { rows: await byRename(write), deduplicated: 0, deleted, ...(stream.keepPrevious && { notes: [keptNote(names.previousName)] }) };
  if (stream.keepPrevious) throw new DestinationHeldError(`publishing to "${names.label}": keep_previous keeps the old table by renaming it, but ${reasons.join(', ')}; remove that, or leave "keep_previous" out, then run it again`, { target: names.label });
  return { rows: await byRows(write), deduplicated: 0, deleted };
}

/** Indexes are built while the old table can still be read; the swap itself takes no time. */
async function byRename(write: Write): Promise<number> {
  const { connection, names, hidden, request: { target: { stream } } } = write;
  const rows = await rowsIn(write);
  await connection.run(stream.lineage ? `ALTER TABLE ${hidden} ALTER COLUMN ${batchColumn} DROP NOT NULL, ALTER COLUMN ${batchColumn} DROP DEFAULT` : `ALTER TABLE ${hidden} DROP COLUMN ${batchColumn}`);
  const { build, finish } = await shapeOf(connection, names.target, hidden);
  for (const statement of build) await connection.run(statement);
  await lockForSwap(write);
  if (stream.keepPrevious) await keepAside(write);
  else await dropOld(write);
  await connection.run(`ALTER TABLE ${hidden} RENAME TO ${quoteIdentifier(names.table)}`);
  for (const statement of finish) await connection.run(statement);
  return rows;
}

/** With lineage what the ledger says, since the publish counts the table against it; else the table is counted here. */
async function rowsIn({ connection, names, numbers, hidden, request: { target: { stream } } }: Write): Promise<number> {
  const { n } = stream.lineage
    ? await connection.row(`SELECT coalesce(sum(rows), 0)::text AS n FROM ${names.loads} WHERE batch_number = ANY($1::bigint[])`, [`{${numbers.join(',')}}`])
    : await connection.row(`SELECT count(*)::text AS n FROM ${hidden}`);
  return Number(n);
}

async function dropOld({ connection, names }: Write): Promise<void> {
  await connection.run(`DROP TABLE IF EXISTS ${names.previous}`);
  await connection.run(`DROP TABLE ${names.target}`);
}

async function byRows(write: Write): Promise<number> {
  const { connection, names, hidden, columns } = write;
  await lockForSwap(write);
  await connection.run(`DROP TABLE IF EXISTS ${names.previous}`);
  if (await isReferenced(write)) {
    // TRUNCATE refuses such a table; a deferrable key is judged at the commit, when the rows are there again.
    await connection.run('SET CONSTRAINTS ALL DEFERRED');
    await connection.run(`DELETE FROM ${names.target}`);
  } else {
    await connection.run(`TRUNCATE ${names.target}`);
  }
  return connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`);
}

async function isReferenced({ connection, names }: Write): Promise<boolean> {
  const { referenced } = await connection.row("SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid = to_regclass($1))::text AS referenced", [names.target]);
  return referenced === 'true';
}

async function againstRename({ connection, names, hidden, request: { target: { stream } } }: Write): Promise<readonly string[]> {
  const [old, next] = [await columnsOf(connection, names.target), await columnsOf(connection, hidden)];
  const wanted = [...next].filter(([name]) => stream.lineage || name !== batchColumn);
  const alike = JSON.stringify([...old].sort()) === JSON.stringify(wanted.sort());
  return [...(alike ? [] : ['its columns are not those of the stream']), ...await hangsOn(connection, names.target)];
}
