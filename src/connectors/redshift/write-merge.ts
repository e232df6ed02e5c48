import { batchColumn, positionColumn } from '../../domain/column';
import type { Step } from './client';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import { countStep, differs, sameKey, type Write } from './write';

/** Newer stays: a row is written over only by a newer one, or by other content of the same age (semantics 8). Rows are exchanged: an UPDATE is that in Redshift too. */
export function merge({ names, request, hidden, columns, types }: Write): readonly Step[] {
  const { plan, target: { stream } } = request;
  const order = plan.order === undefined ? null : quoteIdentifier(plan.order);
  const label = quoteLiteral(names.label);
  const data = plan.target.map(({ name }) => name);
  // A replay counts as the batch that had rejected its rows.
  const age = (alias: string) => `COALESCE(${alias}.original, ${alias}.batch_number)`;
  const newest = `row_number() OVER (PARTITION BY ${stream.key.map((name) => `h.${quoteIdentifier(name)}`).join(', ')} ORDER BY ${order ? `h.${order} DESC NULLS LAST, ` : ''}${age('l')} DESC, h.${positionColumn} DESC)`;
  const changed = differs(types, data, 'n', 't');
  const older = stream.lineage ? `COALESCE(n._millrace_age < ${age('l')}, false)` : 'false';
  const wins = order
    ? `(COALESCE(n.${order} > t.${order}, false) OR (t.${order} IS NULL AND n.${order} IS NOT NULL) OR (COALESCE(n.${order} = t.${order}, n.${order} IS NULL AND t.${order} IS NULL) AND ${changed} AND NOT ${older}))`
    : changed;
  const all = quoteList([...data, positionColumn, batchColumn]);
  const known = stream.lineage ? ` LEFT JOIN ${names.loads} l ON l.batch_number = t.${batchColumn} AND l.target = ${label} AND l.state <> 'rolled_back'` : '';
  return [
    { sql: `CREATE TEMP TABLE _millrace_ranked AS SELECT h.*, ${age('l')} AS _millrace_age, ${newest} AS _millrace_place FROM ${hidden} h JOIN ${names.loads} l ON l.batch_number = h.${batchColumn} AND l.target = ${label} AND l.state = 'committed'` },
    { sql: `CREATE TEMP TABLE _millrace_met AS SELECT ${stream.key.map((name) => `n.${quoteIdentifier(name)}`).join(', ')}, CASE WHEN ${wins} THEN 1 ELSE 0 END AS _millrace_wins FROM _millrace_ranked n JOIN ${names.target} t ON ${sameKey(stream.key, 't', 'n')}${known} WHERE n._millrace_place = 1` },
    { sql: `CREATE TEMP TABLE _millrace_winners AS SELECT ${all.split(', ').map((name) => `n.${name}`).join(', ')} FROM _millrace_ranked n LEFT JOIN _millrace_met m ON ${sameKey(stream.key, 'm', 'n')} WHERE n._millrace_place = 1 AND (m._millrace_wins IS NULL OR m._millrace_wins = 1)` },
    countStep('deduplicated', '_millrace_ranked WHERE _millrace_place > 1'),
    countStep('deduplicated', '_millrace_met WHERE _millrace_wins = 0'),
    countStep('deleted', '_millrace_met WHERE _millrace_wins = 1'),
    countStep('written', '_millrace_winners'),
    { sql: `DELETE FROM ${names.target} USING _millrace_winners WHERE ${sameKey(stream.key, names.target, '_millrace_winners')}` },
    { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM _millrace_winners` },
  ];
}
