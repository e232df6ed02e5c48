import type { Step } from './client';
import { replacedStep } from './displaced';
import { quoteLiteral } from './quote';
import { countStep, type Write } from './write';

/** Says in a kept table whose publish put it aside. */
export const keptBy = (holder: string): string => `kept by Millrace: replaced by ${holder}`;

export const keptNote = (name: string): string => `the rows before are kept as "${name}" until the next replace publishes`;

/** The table becomes what was read. Rows are changed, not the table, so views and grants stay; TRUNCATE would commit. What is kept is a copy. */
export function replace(write: Write): readonly Step[] {
  const { names, request, hidden, columns } = write;
  const keep = request.target.stream.keepPrevious ? [
    { sql: `CREATE TABLE ${names.previous} AS SELECT * FROM ${names.target}` },
    { sql: `COMMENT ON TABLE ${names.previous} IS ${quoteLiteral(keptBy(names.holder))}` },
  ] : [];
  return [
    replacedStep(write),
    { sql: `DROP TABLE IF EXISTS ${names.previous}` },
    ...keep,
    countStep('deleted', names.target),
    countStep('written', hidden),
    { sql: `DELETE FROM ${names.target}` },
    { sql: `INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}` },
  ];
}
