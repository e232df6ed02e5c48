import { quoteLiteral } from '../../transforms/quote';
import { recordReplaced } from './displaced';
import type { Write, Written } from './write';

/** The table becomes what was read. Rows are changed, not the table, so views and constraints stay; what is kept is a copy. */
export async function replace({ session, names, hidden, columns, request }: Write): Promise<Written> {
  await recordReplaced({ session, names, request });
  await session.run(`DROP TABLE IF EXISTS ${names.previous}`);
  if (request.target.stream.keepPrevious) {
    await session.run(`CREATE TABLE ${names.previous} AS SELECT * FROM ${names.target}`);
    await session.run(`COMMENT ON TABLE ${names.previous} IS ${quoteLiteral(keptBy(names.holder))}`);
  }
  const deleted = await session.changed(`DELETE FROM ${names.target}`);
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted };
}

/** Says in a kept table whose publish put it aside. */
export const keptBy = (holder: string): string => `kept by Millrace: replaced by ${holder}`;
