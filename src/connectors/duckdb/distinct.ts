import { batchColumn } from '../../domain/column';
import { alreadyThere } from '../../domain/replay';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import { recordDisplaced } from './displaced';
import { setAside } from './set-aside';
import type { Write, Written } from './write';

/** Of a replay: rows whose key another row of the original run, or of an earlier replay of it, has already brought. They are set aside again. */
export async function setDuplicatesAside(write: Write): Promise<Pick<Written, 'rejected' | 'quarantine'>> {
  const { session, names, request, hidden } = write;
  const distinct = request.plan.replay?.distinct ?? null;
  if (distinct === null || distinct.keys.length === 0) return {};
  const among = request.target.stream.lineage
    ? ` AND t.${batchColumn} IN (SELECT batch_number FROM _millrace_loads WHERE target = ${quoteLiteral(names.label)} AND run IN (${distinct.runs.map(quoteLiteral).join(', ')}))` : '';
  const doubles = distinct.keys.map(({ columns, nulls }) => {
    const same = columns.map((name) => `t.${quoteIdentifier(name)} ${nulls ? 'IS NOT DISTINCT FROM' : '='} h.${quoteIdentifier(name)}`).join(' AND ');
    return { same: `EXISTS (SELECT 1 FROM ${names.target} t WHERE ${same}${among})`, column: columns.join(', ') };
  });
  await session.run(`CREATE TEMP TABLE _millrace_double AS SELECT h.rowid AS _millrace_row, h.*, CASE ${doubles.map(({ same }, index) => `WHEN ${same} THEN ${index}`).join(' ')} END AS _millrace_fault FROM ${hidden} h`);
  await session.run('DELETE FROM _millrace_double WHERE _millrace_fault IS NULL');
  const rejected = await session.changed(`DELETE FROM ${hidden} WHERE rowid IN (SELECT _millrace_row FROM _millrace_double)`);
  if (rejected > 0) await recordDisplaced({ session, names, request, table: hidden, rows: 'SELECT * EXCLUDE (_millrace_row, _millrace_fault) FROM _millrace_double' });
  const reasons = doubles.map(({ column }, index) => ({ when: `_millrace_fault = ${index}`, column, reason: alreadyThere }));
  return { rejected, quarantine: await setAside(write, { from: '_millrace_double', reasons, rows: rejected, position: 'row_number() OVER () - 1' }) };
}
