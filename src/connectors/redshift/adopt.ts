import type { Claim } from '../../domain/claim';
import type { Writer } from '../destination';
import type { Redshift } from './client';
import { fencedOff } from './fence';
import type { Names } from './names';
import { quoteLiteral } from './quote';
import { systemTablesThere } from './system-tables';

/** By the ledger, and by checkpoints where a publish had no rows. */
export async function otherWriters(redshift: Redshift, names: Names): Promise<readonly Writer[]> {
  if (!(await systemTablesThere(redshift))) return [];
  const where = `target = ${quoteLiteral(names.label)} AND NOT (${names.mine})`;
  const rows = await redshift.rows(`SELECT pipeline, stream FROM ${names.checkpoints} WHERE ${where} AND version > 0 UNION SELECT pipeline, stream FROM ${names.loads} WHERE ${where} AND state = 'published' ORDER BY 1, 2`);
  return rows.map((row) => ({ pipeline: row['pipeline']!, stream: row['stream']! }));
}

/** The row of the checkpoint goes over, with its fence. Ledger rows keep the name under which they were loaded. */
export const adopt = async (redshift: Redshift, names: Names, from: Names, { fence, version }: Claim): Promise<void> => {
  await redshift.transaction({
    doing: `taking over "${names.label}"`,
    steps: [
      { sql: `LOCK ${names.lock}, ${names.checkpoints}` },
      fencedOff(from, fence, version),
      ...[names.checkpoints, names.files].flatMap((table) => [
        { sql: `DELETE FROM ${table} WHERE ${names.mine}` },
        { sql: `UPDATE ${table} SET pipeline = ${quoteLiteral(names.pipeline)}, stream = ${quoteLiteral(names.stream)} WHERE ${from.mine}` },
      ]),
    ],
  });
};
