import { recordDisplaced } from './displaced';
import { setDuplicatesAside } from './distinct';
import { quoteIdentifier } from './quote';
import type { Write, Written } from './write';

/** Adds the staged rows. */
export async function append(write: Write): Promise<Written> {
  const { connection, names, request, hidden, columns } = write;
  const { stream } = request.target;
  const aside = await setDuplicatesAside(write);
  if (stream.lookback === undefined || stream.key.length === 0 || !stream.cursor) {
    return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted: 0, ...aside };
  }
  // Read again because of the lookback: a row whose key and cursor value are there already is the same row.
  const there = `EXISTS (SELECT 1 FROM ${names.target} t WHERE ${[...stream.key, stream.cursor].map((name) => `t.${quoteIdentifier(name)} IS NOT DISTINCT FROM h.${quoteIdentifier(name)}`).join(' AND ')})`;
  const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${hidden} h WHERE ${there}`);
  if (n !== '0') await recordDisplaced({ connection, names, request, table: hidden, rows: `SELECT h.* FROM ${hidden} h WHERE ${there}` });
  return { rows: await connection.run(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden} h WHERE NOT ${there}`), deduplicated: Number(n), deleted: 0, ...aside };
}
