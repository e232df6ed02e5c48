import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import { recordDisplaced } from './displaced';
import type { Write, Written } from './write';

/** Whole groups, or the cursor window, become what was read. */
export async function deleteInsert({ session, names, request, hidden, columns }: Write): Promise<Written> {
  const { by } = request.target.stream;
  const { window } = request.plan;
  const condition = by === 'window'
    ? (window ? `${window.lower === null ? '' : `${quoteIdentifier(window.cursor)} >= ${quoteLiteral(window.lower)} AND `}${quoteIdentifier(window.cursor)} < ${quoteLiteral(window.upper)}` : 'false')
    : `EXISTS (SELECT 1 FROM ${hidden} h WHERE ${(by ?? []).map((name) => `h.${quoteIdentifier(name)} IS NOT DISTINCT FROM ${names.target}.${quoteIdentifier(name)}`).join(' AND ')})`;
  await recordDisplaced({ session, names, request, table: names.target, rows: `SELECT * FROM ${names.target} WHERE ${condition}` });
  const deleted = await session.changed(`DELETE FROM ${names.target} WHERE ${condition}`);
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted };
}
