import type { Step } from './client';
import { displacedSteps } from './displaced';
import { quoteIdentifier, quoteLiteral } from './quote';
import { countStep, sameGroup, type Write } from './write';

/** Whole groups, or the cursor window, become what was read. */
export function deleteInsert(write: Write): readonly Step[] {
  const { names, request, hidden, columns, types } = write;
  const { by = [] } = request.target.stream;
  const insert: readonly Step[] = [countStep('written', hidden), { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}` }];
  if (by === 'window') {
    const { window } = request.plan;
    if (!window) return insert;
    const column = quoteIdentifier(window.cursor);
    const bound = (value: string) => `CAST(${quoteLiteral(value)} AS ${types.get(window.cursor.toLowerCase())!})`;
    const inside = `${window.lower === null ? '' : `${column} >= ${bound(window.lower)} AND `}${column} < ${bound(window.upper)}`;
    return [...displacedSteps(write, 'target', `SELECT * FROM ${names.target} WHERE ${inside}`), countStep('deleted', `${names.target} WHERE ${inside}`), { sql: `DELETE FROM ${names.target} WHERE ${inside}` }, ...insert];
  }
  const list = by.map(quoteIdentifier).join(', ');
  const same = sameGroup(types, by, names.target, '_millrace_groups');
  return [
    { sql: `CREATE TEMP TABLE _millrace_groups AS SELECT DISTINCT ${list} FROM ${hidden}` },
    ...displacedSteps(write, 'target', `SELECT ${names.target}.* FROM ${names.target} JOIN _millrace_groups ON ${same}`),
    countStep('deleted', `${names.target} JOIN _millrace_groups ON ${same}`),
    { sql: `DELETE FROM ${names.target} USING _millrace_groups WHERE ${same}` },
    ...insert,
  ];
}
