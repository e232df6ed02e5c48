import { batchColumn } from '../../domain/column';
import type { PublishRequest } from '../connector';
import { quoteIdentifier, quoteList } from './quote';
import type { Write, Written } from './write';

/** Newer stays: a row is written over only by a newer one, or by other content of the same age (semantics 8). */
export async function merge({ connection, names, request, hidden, columns }: Write): Promise<Written> {
  const { stream } = request.target;
  const key = quoteList(stream.key);
  const order = orderOf(request);
  const newest = `${key}, ${order ? `${quoteIdentifier(order)} DESC NULLS LAST, ` : ''}${batchColumn} DESC, ctid DESC`;
  await connection.run(`CREATE TEMP TABLE _millrace_newest ON COMMIT DROP AS SELECT DISTINCT ON (${key}) ${columns} FROM ${hidden} ORDER BY ${newest}`);
  const { losers } = await connection.row(`SELECT count(*)::text AS losers FROM (SELECT row_number() OVER (PARTITION BY ${key} ORDER BY ${newest}) AS place FROM ${hidden}) p WHERE place > 1`);
  const same = stream.key.map((name) => `t.${quoteIdentifier(name)} = n.${quoteIdentifier(name)}`).join(' AND ');
  const data = request.plan.target.map(({ name }) => quoteIdentifier(name));
  const differs = `(${data.map((name) => `t.${name}::text`).join(', ')}) IS DISTINCT FROM (${data.map((name) => `n.${name}::text`).join(', ')})`;
  const newer = order ? ageSql(quoteIdentifier(order), differs) : differs;
  await connection.run('ANALYZE _millrace_newest');
  const { stale } = await connection.row(`SELECT count(*)::text AS stale FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE (${newer}) IS NOT TRUE`);
  const lineage = stream.lineage ? [batchColumn] : [];
  const updated = await connection.run(`UPDATE ${names.target} t SET ${[...data, ...lineage].map((name) => `${name} = n.${name}`).join(', ')} FROM _millrace_newest n WHERE ${same} AND (${newer})`);
  const inserted = await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_newest n WHERE NOT EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same})`);
  return { rows: updated + inserted, deduplicated: Number(losers) + Number(stale), deleted: updated };
}

/** NULL is oldest. The same age with other content: the later batch, ours, wins. */
const ageSql = (order: string, differs: string): string =>
  `n.${order} > t.${order} OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (n.${order} IS NOT DISTINCT FROM t.${order} AND ${differs})`;

function orderOf({ target: { stream }, plan }: PublishRequest): string | null {
  const wanted = stream.orderBy?.trim().split(/\s+/)[0] ?? stream.cursor;
  return wanted && plan.target.some(({ name }) => name === wanted) ? wanted : null;
}
