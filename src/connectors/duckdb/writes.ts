import { batchColumn } from '../../domain/column';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from '../../transforms/quote';
import type { PublishRequest } from '../connector';
import type { Names } from './destination';

/** What a write did; no count is the difference of others. */
export interface Written {
  readonly rows: number;
  readonly deduplicated: number;
  readonly deleted: number;
}

interface Write {
  readonly session: Session;
  readonly names: Names;
  readonly request: PublishRequest;
  readonly hidden: string;
  readonly columns: string;
}

/** Moves the staged rows of a run into its target, in the publish transaction. */
export function writeRows(session: Session, names: Names, request: PublishRequest): Promise<Written> {
  const { stream } = request.target;
  const columns = quoteList([...request.plan.target.map(({ name }) => name), ...(stream.lineage ? [batchColumn] : [])]);
  const write: Write = { session, names, request, columns, hidden: names.hidden(request.plan.fence) };
  switch (stream.write) {
    case 'append': return append(write);
    case 'replace': return replace(write);
    case 'merge': return merge(write);
    case 'delete_insert': return deleteInsert(write);
    case 'scd2': throw new Error('scd2 is refused before a run starts');
  }
}

async function append({ session, names, request, hidden, columns }: Write): Promise<Written> {
  const { stream } = request.target;
  if (stream.lookback === undefined || stream.key.length === 0 || !stream.cursor) {
    return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted: 0 };
  }
  const there = `EXISTS (SELECT 1 FROM ${names.target} t WHERE ${[...stream.key, stream.cursor].map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM h.${quoteIdentifier(name)}`).join(' AND ')})`;
  const { n } = await session.row(`SELECT count(*) AS n FROM ${hidden} h WHERE ${there}`);
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden} h WHERE NOT ${there}`), deduplicated: Number(n), deleted: 0 };
}

async function replace({ session, names, hidden, columns }: Write): Promise<Written> {
  const { n } = await session.row(`SELECT count(*) AS n FROM ${names.target}`);
  await session.run(`DELETE FROM ${names.target}`);
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted: Number(n) };
}

/** Newer stays: as in the Postgres destination (semantics 8). */
async function merge({ session, names, request, hidden, columns }: Write): Promise<Written> {
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

async function deleteInsert({ session, names, request, hidden, columns }: Write): Promise<Written> {
  const { by } = request.target.stream;
  const { window } = request.plan;
  const condition = by === 'window'
    ? (window ? `${window.lower === null ? '' : `${quoteIdentifier(window.cursor)} >= ${quoteLiteral(window.lower)} AND `}${quoteIdentifier(window.cursor)} < ${quoteLiteral(window.upper)}` : 'false')
    : `EXISTS (SELECT 1 FROM ${hidden} h WHERE ${(by ?? []).map((name) => `h.${quoteIdentifier(name)} IS NOT DISTINCT FROM ${names.target}.${quoteIdentifier(name)}`).join(' AND ')})`;
  const deleted = await session.changed(`DELETE FROM ${names.target} WHERE ${condition}`);
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted };
}
