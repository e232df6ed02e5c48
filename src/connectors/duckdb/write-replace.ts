import type { Write, Written } from './write';

/** The table becomes what was read. */
export async function replace({ session, names, hidden, columns }: Write): Promise<Written> {
  const { n } = await session.row(`SELECT count(*) AS n FROM ${names.target}`);
  await session.run(`DELETE FROM ${names.target}`);
  return { rows: await session.changed(`INSERT INTO ${names.target} (${columns}) SELECT ${columns} FROM ${hidden}`), deduplicated: 0, deleted: Number(n) };
}
