import { batchColumn } from '../../domain/column';
import { alreadyThere } from '../../domain/replay';
import { recordDisplaced } from './displaced';
import { arrayOf, quoteIdentifier, quoteLiteral } from './quote';
import { setAside } from './set-aside';
import type { Write, Written } from './write';

/** Of a replay: rows whose key another row of the original run, or of an earlier replay of it, has already brought. They are set aside again. */
export async function setDuplicatesAside(write: Write): Promise<Pick<Written, 'rejected' | 'quarantine'>> {
  const { connection, names, request, hidden } = write;
  const distinct = request.plan.replay?.distinct ?? null;
  if (distinct === null || distinct.keys.length === 0) return {};
  const among = request.target.stream.lineage
    ? ` AND t.${batchColumn} IN (SELECT batch_number FROM ${names.loads} WHERE target = ${quoteLiteral(names.label)} AND run = ANY(${quoteLiteral(arrayOf(distinct.runs))}::text[]))` : '';
  const there = distinct.keys.map(({ columns, nulls }) => {
    const same = columns.map((name) => `t.${quoteIdentifier(name)} ${nulls ? 'IS NOT DISTINCT FROM' : '='} h.${quoteIdentifier(name)}`).join(' AND ');
    return { same: `EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same}${among})`, fault: quoteLiteral(JSON.stringify([{ column: columns.join(', '), reason: alreadyThere }])) };
  });
  await connection.run(`CREATE TEMP TABLE _millrace_double ON COMMIT DROP AS SELECT h.ctid AS _millrace_row, h.*, CASE ${there.map(({ same, fault }) => `WHEN ${same} THEN ${fault}`).join(' ')} END AS _millrace_fault FROM ${hidden} h`);
  await connection.run('DELETE FROM _millrace_double WHERE _millrace_fault IS NULL');
  const columns = [...request.plan.target.map(({ name }) => quoteIdentifier(name)), batchColumn].join(', ');
  const rejected = await connection.run(`DELETE FROM ${hidden} h USING _millrace_double d WHERE h.ctid = d._millrace_row`);
  if (rejected > 0) await recordDisplaced({ connection, names, request, table: hidden, rows: `SELECT ${columns} FROM _millrace_double` });
  return { rejected, quarantine: await setAside(write, { from: '_millrace_double', reasons: '_millrace_fault', rows: rejected, position: 'row_number() OVER () - 1' }) };
}
