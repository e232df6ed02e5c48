import type { QuarantineFile } from '../../domain/batch';
import { batchColumn } from '../../domain/column';
import { laterWrote } from '../../domain/order';
import { mergeNotes } from '../../domain/publish-notes';
import { quoteIdentifier, quoteList } from '../../transforms/quote';
import { recordDisplaced } from './displaced';
import { setAside } from './set-aside';
import type { Write, Written } from './write';

/** Newer stays: as in the Postgres destination (semantics 8). */
export async function merge(write: Write): Promise<Written> {
  const { session, names, request, numbers, hidden, columns } = write;
  const { stream } = request.target;
  const order = request.plan.order === undefined ? null : quoteIdentifier(request.plan.order);
  const place = `row_number() OVER (PARTITION BY ${quoteList(stream.key)} ORDER BY ${order ? `${order} DESC NULLS LAST, ` : ''}list_position([${numbers.join(', ')}]::BIGINT[], ${batchColumn}) DESC, rowid DESC)`;
  await session.run(`CREATE TEMP TABLE _millrace_ranked AS SELECT *, ${place} AS _millrace_place FROM ${hidden}`);
  const { losers } = await session.row('SELECT count(*) FILTER (_millrace_place > 1) AS losers FROM _millrace_ranked');
  await session.run('CREATE TEMP TABLE _millrace_newest AS SELECT * EXCLUDE (_millrace_place) FROM _millrace_ranked WHERE _millrace_place = 1');
  const same = stream.key.map((name) => `t.${quoteIdentifier(name)} = n.${quoteIdentifier(name)}`).join(' AND ');
  const data = request.plan.target.map(({ name }) => quoteIdentifier(name));
  const differs = `(${data.map((name) => `t.${name} IS DISTINCT FROM n.${name}`).join(' OR ')})`;
  const older = stream.lineage ? await olderThan(write, same) : 'false';
  const aside = await refuseOlder(write, order, same, `${differs} AND ${stream.lineage ? older : 'true'}`);
  const newer = order ? `(coalesce(n.${order} > t.${order}, false) OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (n.${order} IS NOT DISTINCT FROM t.${order} AND ${differs} AND NOT ${older}))` : differs;
  const { stale } = await session.row(`SELECT count(*) AS stale FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE NOT ${newer}`);
  const publishing = { session, names, request };
  if (losers !== '0') await recordDisplaced({ ...publishing, table: hidden, rows: 'SELECT * EXCLUDE (_millrace_place) FROM _millrace_ranked WHERE _millrace_place > 1' });
  if (stale !== '0') await recordDisplaced({ ...publishing, table: hidden, rows: `SELECT n.* FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE NOT ${newer}` });
  await recordDisplaced({ ...publishing, table: names.target, rows: `SELECT t.* FROM ${names.target} t JOIN _millrace_newest n ON ${same} WHERE ${newer}` });
  const set = [...data, ...(stream.lineage ? [batchColumn] : [])].map((name) => `${name} = n.${name}`).join(', ');
  await session.run(`CREATE TEMP TABLE _millrace_fresh AS SELECT n.* FROM _millrace_newest n WHERE NOT EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same})`);
  const updated = await session.changed(`UPDATE ${names.target} AS t SET ${set} FROM _millrace_newest n WHERE ${same} AND ${newer}`);
  const inserted = await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_fresh`);
  return { rows: updated + inserted, deduplicated: Number(losers) + Number(stale), deleted: updated, notes: mergeNotes({ losers: Number(losers), stale: Number(stale), order: request.plan.order ?? null }), ...aside };
}

/** Condition that the row `n` is of an older batch than `t`; a replay counts as the batch that had rejected its rows, a row of no batch is older than all. */
async function olderThan({ session, names }: Write, same: string): Promise<string> {
  await session.run(
    `CREATE TEMP TABLE _millrace_seniority AS SELECT p.mine, p.theirs FROM (SELECT DISTINCT n.${batchColumn} AS mine, t.${batchColumn} AS theirs FROM _millrace_newest n JOIN ${names.target} t ON ${same}) p ` +
    'JOIN _millrace_loads a ON a.batch_number = p.mine JOIN _millrace_loads b ON b.batch_number = p.theirs WHERE coalesce(a.original, a.batch_number) < coalesce(b.original, b.batch_number)');
  return `EXISTS (SELECT 1 FROM _millrace_seniority s WHERE s.mine = n.${batchColumn} AND s.theirs = t.${batchColumn})`;
}

/** Without an order nothing tells whether a replayed row is newer than what a later batch wrote for its key: it is set aside again. */
async function refuseOlder(write: Write, order: string | null, same: string, refused: string): Promise<{ readonly rejected?: number; readonly quarantine?: readonly QuarantineFile[] }> {
  const { session, names, replays, request: { target: { stream } } } = write;
  if (!replays || order !== null) return {};
  await session.run(`CREATE TEMP TABLE _millrace_older AS SELECT n.* FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE ${refused}`);
  const rejected = await session.changed(`DELETE FROM _millrace_newest AS n USING _millrace_older t WHERE ${same}`);
  if (rejected > 0) await recordDisplaced({ session, names, request: write.request, table: write.hidden, rows: 'SELECT * FROM _millrace_older' });
  const quarantine = await setAside(write, { from: '_millrace_older', reasons: [{ when: 'true', column: stream.key.join(', '), reason: laterWrote }], rows: rejected, position: 'row_number() OVER () - 1' });
  return { rejected, quarantine };
}
