import { quoteIdentifier } from '../../transforms/quote';
import { setDuplicatesAside } from './distinct';
import { recordDisplaced } from './displaced';
import type { Write, Written } from './write';

/** Adds the staged rows. */
export async function append(write: Write): Promise<Written> {
  const { session, names, request, hidden, columns } = write;
  const { stream } = request.target;
  const aside = await setDuplicatesAside(write);
  if (stream.lookback === undefined || stream.key.length === 0 || !stream.cursor) {
    return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted: 0, ...aside };
  }
  const there = `EXISTS (SELECT 1 FROM ${names.target} t WHERE ${[...stream.key, stream.cursor].map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM h.${quoteIdentifier(name)}`).join(' AND ')})`;
  const { n } = await session.row(`SELECT count(*) AS n FROM ${hidden} h WHERE ${there}`);
  if (n !== '0') await recordDisplaced({ session, names, request, table: hidden, rows: `SELECT h.* FROM ${hidden} h WHERE ${there}` });
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden} h WHERE NOT ${there}`), deduplicated: Number(n), deleted: 0, ...aside };
}
