import type { QuarantineFile } from '../../domain/batch';
import { batchColumn } from '../../domain/column';
import { laterWrote } from '../../domain/order';
import { mergeNotes } from '../../domain/publish-notes';
import { recordDisplaced } from './displaced';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import { setAside } from './set-aside';
import type { Write, Written } from './write';

/** Newer stays: a row is written over only by a newer one, or by other content of the same age (semantics 8). */
export async function merge(write: Write): Promise<Written> {
  const { connection, names, request, numbers, hidden, columns } = write;
  const { stream } = request.target;
  const key = quoteList(stream.key);
  const order = request.plan.order ?? null;
  const newest = `${key}, ${order ? `${quoteIdentifier(order)} DESC NULLS LAST, ` : ''}array_position('{${numbers.join(',')}}'::bigint[], ${batchColumn}) DESC, ctid DESC`;
  const all = quoteList([...request.plan.target.map(({ name }) => name), batchColumn]);
  await connection.run(`CREATE TEMP TABLE _millrace_newest ON COMMIT DROP AS SELECT DISTINCT ON (${key}) ${all} FROM ${hidden} ORDER BY ${newest}`);
  const { losers } = await connection.row(`SELECT count(*)::text AS losers FROM (SELECT row_number() OVER (PARTITION BY ${key} ORDER BY ${newest}) AS place FROM ${hidden}) p WHERE place > 1`);
  await connection.run('ANALYZE _millrace_newest');
  const same = stream.key.map((name) => `t.${quoteIdentifier(name)} = n.${quoteIdentifier(name)}`).join(' AND ');
  const data = request.plan.target.map(({ name }) => quoteIdentifier(name));
  const differs = `(${data.map((name) => `t.${name}::text`).join(', ')}) IS DISTINCT FROM (${data.map((name) => `n.${name}::text`).join(', ')})`;
  const aside = await refuseOlder(write, order, same, differs);
  const newer = order ? ageSql(quoteIdentifier(order), `${differs}${stream.lineage ? ` AND ${seniority(write)}` : ''}`) : differs;
  const { stale } = await connection.row(`SELECT count(*)::text AS stale FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE (${newer}) IS NOT TRUE`);
  const table = { connection, names, request };
  if (losers !== '0') await recordDisplaced({ ...table, table: hidden, rows: `SELECT p.* FROM (SELECT *, row_number() OVER (PARTITION BY ${key} ORDER BY ${newest}) AS place FROM ${hidden}) p WHERE place > 1` });
  if (stale !== '0') await recordDisplaced({ ...table, table: hidden, rows: `SELECT n.* FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE (${newer}) IS NOT TRUE` });
  await recordDisplaced({ ...table, table: names.target, rows: `SELECT t.* FROM ${names.target} t JOIN _millrace_newest n ON ${same} WHERE ${newer}` });
  const lineage = stream.lineage ? [batchColumn] : [];
  const updated = await connection.run(`UPDATE ${names.target} t SET ${[...data, ...lineage].map((name) => `${name} = n.${name}`).join(', ')} FROM _millrace_newest n WHERE ${same} AND (${newer})`);
  const inserted = await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_newest n WHERE NOT EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same})`);
  return { rows: updated + inserted, deduplicated: Number(losers) + Number(stale), deleted: updated, notes: mergeNotes({ losers: Number(losers), stale: Number(stale), order: request.plan.order ?? null }), ...aside };
}

/** NULL is oldest. The same age with other content: `wins` tells. */
const ageSql = (order: string, wins: string): string =>
  `n.${order} > t.${order} OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (n.${order} IS NOT DISTINCT FROM t.${order} AND ${wins})`;

/** The batch that read its rows later wins; a replay counts as the batch that had rejected them. A row of no batch is older than all. */
function seniority({ names }: Write): string {
  const age = (alias: string) => `(SELECT coalesce(l.original, l.batch_number) FROM ${names.loads} l WHERE l.batch_number = ${alias}.${batchColumn})`;
  return `coalesce(${age('n')} >= ${age('t')}, true)`;
}

/** Without an order nothing tells whether a replayed row is newer than what a later batch wrote for its key: it is set aside again. */
async function refuseOlder(write: Write, order: string | null, same: string, differs: string): Promise<{ readonly rejected?: number; readonly quarantine?: readonly QuarantineFile[] }> {
  const { connection, names, replays, request: { target: { stream } } } = write;
  if (!replays || order !== null) return {};
  const later = stream.lineage ? `NOT ${seniority(write)}` : 'true';
  await connection.run(`CREATE TEMP TABLE _millrace_older ON COMMIT DROP AS SELECT n.* FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE ${differs} AND ${later}`);
  const rejected = await connection.run(`DELETE FROM _millrace_newest n USING _millrace_older t WHERE ${same}`);
  if (rejected > 0) await recordDisplaced({ connection, names, request: write.request, table: write.hidden, rows: 'SELECT * FROM _millrace_older' });
  const reasons = quoteLiteral(JSON.stringify([{ column: stream.key.join(', '), reason: laterWrote }]));
  return { rejected, quarantine: await setAside(write, { from: '_millrace_older', reasons, rows: rejected, position: 'row_number() OVER () - 1' }) };
}
