import { batchColumn, positionColumn } from '../../domain/column';
import { laterWrote } from '../../domain/order';
import type { Step } from './client';
import { displacedSteps } from './displaced';
import { assertion } from './fence';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { Aside } from './set-aside';
import { countStep, differs, refusedOtherwise, sameKey, type Write } from './write';

/** What becomes of the newest row of a key that the target has too. */
const verdicts = { stale: 0, wins: 1, refused: 2 } as const;

/** Newer stays: a row is written over only by a newer one, or by other content of the same age (semantics 8). Rows are exchanged: an UPDATE is that in Redshift too. */
export function merge(write: Write): readonly Step[] {
  const { names, request: { plan, target: { stream } }, columns, rejected } = write;
  const all = [...plan.target.map(({ name }) => quoteIdentifier(name)), positionColumn, batchColumn].map((name) => `n.${name}`).join(', ');
  const same = sameKey(stream.key, 'm', 'n');
  const met = (verdict: keyof typeof verdicts) => `_millrace_met WHERE _millrace_verdict = ${verdicts[verdict]}`;
  const hidden = (rows: string) => displacedSteps(write, 'hidden', rows);
  return [
    ...judgeSteps(write),
    ...(replaysAside(write) ? [assertion(`count(*) = ${rejected}`, `FROM ${met('refused')}`, refusedOtherwise(names))] : []),
    { sql: `CREATE TEMP TABLE _millrace_winners AS SELECT ${all} FROM _millrace_ranked n LEFT JOIN _millrace_met m ON ${same} WHERE n._millrace_place = 1 AND COALESCE(m._millrace_verdict, ${verdicts.wins}) = ${verdicts.wins}` },
    ...hidden('SELECT * FROM _millrace_ranked WHERE _millrace_place > 1'),
    ...hidden(`SELECT n.* FROM _millrace_ranked n JOIN _millrace_met m ON ${same} WHERE n._millrace_place = 1 AND m._millrace_verdict = ${verdicts.stale}`),
    ...displacedSteps(write, 'target', `SELECT t.* FROM ${names.target} t JOIN _millrace_winners n ON ${sameKey(stream.key, 'n', 't')}`),
    countStep('deduplicated', '_millrace_ranked WHERE _millrace_place > 1'),
    countStep('deduplicated', met('stale')),
    countStep('deleted', met('wins')),
    countStep('written', '_millrace_winners'),
    { sql: `DELETE FROM ${names.target} USING _millrace_winners n WHERE ${sameKey(stream.key, names.target, 'n')}` },
    { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_winners` },
  ];
}

/** A replay counts as the batch that had rejected its rows. */
const age = 'COALESCE(l.original, l.batch_number)';

/** `_millrace_ranked`: staged rows, the newest of each key in first place. `_millrace_met`: those that the target has a row of, and what becomes of them. */
function judgeSteps({ names, request: { plan, target: { stream } }, hidden, types, replays }: Write): readonly Step[] {
  const order = plan.order === undefined ? null : quoteIdentifier(plan.order);
  const ledger = (alias: string) => `${names.loads} l ON l.batch_number = ${alias}.${batchColumn} AND l.target = ${quoteLiteral(names.label)} AND l.state <> 'rolled_back'`;
  const place = `row_number() OVER (PARTITION BY ${stream.key.map((name) => `h.${quoteIdentifier(name)}`).join(', ')} ORDER BY ${order ? `h.${order} DESC NULLS LAST, ` : ''}${age} DESC, h.${positionColumn} DESC)`;
  const changed = differs(types, plan.target.map(({ name }) => name), 'n', 't');
  const older = stream.lineage ? `COALESCE(n._millrace_age < ${age}, false)` : 'false';
  const wins = order
    ? `(COALESCE(n.${order} > t.${order}, false) OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (COALESCE(n.${order} = t.${order}, n.${order} IS NULL AND t.${order} IS NULL) AND ${changed} AND NOT ${older}))`
    : changed;
  const refused = replays && !order ? `WHEN ${changed} AND ${stream.lineage ? older : 'true'} THEN ${verdicts.refused} ` : '';
  const keys = stream.key.map((name) => `n.${quoteIdentifier(name)}`).join(', ');
  return [
    { sql: `CREATE TEMP TABLE _millrace_ranked AS SELECT h.*, ${age} AS _millrace_age, ${place} AS _millrace_place FROM ${hidden} h JOIN ${ledger('h')}` },
    { sql: `CREATE TEMP TABLE _millrace_met AS SELECT ${keys}, CASE ${refused}WHEN ${wins} THEN ${verdicts.wins} ELSE ${verdicts.stale} END AS _millrace_verdict FROM _millrace_ranked n JOIN ${names.target} t ON ${sameKey(stream.key, 't', 'n')}${stream.lineage ? ` LEFT JOIN ${ledger('t')}` : ''} WHERE n._millrace_place = 1` },
  ];
}

/** Without an order nothing tells whether a replayed row is newer than what a later batch wrote for its key: it is set aside again. */
export function replaysAside(write: Write): Aside | null {
  const { replays, request: { plan, target: { stream } } } = write;
  if (!replays || plan.order !== undefined) return null;
  return {
    prepare: judgeSteps(write), from: `FROM _millrace_ranked r JOIN _millrace_met m ON ${sameKey(stream.key, 'm', 'r')} WHERE r._millrace_place = 1 AND m._millrace_verdict = ${verdicts.refused}`,
    position: `r.${positionColumn}`, reason: '0', reasons: [{ column: stream.key.join(', '), reason: laterWrote }],
  };
}
