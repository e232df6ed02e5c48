import { batchColumn } from '../../domain/column';
import { quoteIdentifier, quoteList } from '../../transforms/quote';
import type { Write, Written } from './write';

/** Newer stays: as in the Postgres destination (semantics 8). */
export async function merge({ session, names, request, hidden, columns }: Write): Promise<Written> {
  const { stream } = request.target;
  const wanted = stream.orderBy?.trim().split(/\s+/)[0] ?? stream.cursor;
  const order = wanted && request.plan.target.some(({ name }) => name === wanted) ? quoteIdentifier(wanted) : null;
  const place = `row_number() OVER (PARTITION BY ${quoteList(stream.key)} ORDER BY ${order ? `${order} DESC NULLS LAST, ` : ''}${batchColumn} DESC, rowid DESC)`;
  await session.run(`CREATE TEMP TABLE _millrace_ranked AS SELECT *, ${place} AS _millrace_place FROM ${hidden}`);
  const { losers } = await session.row('SELECT count(*) FILTER (_millrace_place > 1) AS losers FROM _millrace_ranked');
  await session.run('CREATE TEMP TABLE _millrace_newest AS SELECT * EXCLUDE (_millrace_place) FROM _millrace_ranked WHERE _millrace_place = 1');
  const same = stream.key.map((name) => `t.${quoteIdentifier(name)} = n.${quoteIdentifier(name)}`).join(' AND ');
  const data = request.plan.target.map(({ name }) => quoteIdentifier(name));
  const differs = `(${data.map((name) => `t.${name} IS DISTINCT FROM n.${name}`).join(' OR ')})`;
  const newer = order ? `(coalesce(n.${order} > t.${order}, false) OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (n.${order} IS NOT DISTINCT FROM t.${order} AND ${differs}))` : differs;
  const { stale } = await session.row(`SELECT count(*) AS stale FROM _millrace_newest n JOIN ${names.target} t ON ${same} WHERE NOT ${newer}`);
  const set = [...data, ...(stream.lineage ? [batchColumn] : [])].map((name) => `${name} = n.${name}`).join(', ');
  await session.run(`CREATE TEMP TABLE _millrace_fresh AS SELECT n.* FROM _millrace_newest n WHERE NOT EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same})`);
  const updated = await session.changed(`UPDATE ${names.target} AS t SET ${set} FROM _millrace_newest n WHERE ${same} AND ${newer}`);
  const inserted = await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_fresh`);
  return { rows: updated + inserted, deduplicated: Number(losers) + Number(stale), deleted: updated };
}
