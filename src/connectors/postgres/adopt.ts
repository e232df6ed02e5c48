import type { Claim } from '../../domain/claim';
import type { Writer } from '../destination';
import type { PostgresConnection } from './connection';
import { refuseOldFence } from './load';
import type { Names } from './system-tables';

const mine = 'target = $1 AND pipeline = $2 AND stream = $3';
const keyOf = ({ label, pipeline, stream }: Names) => [label, pipeline, stream];

/** By the ledger, and by checkpoints where a publish had no rows. */
export async function otherWriters(connection: PostgresConnection, names: Names): Promise<readonly Writer[]> {
  const { there } = await connection.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [names.files]);
  if (there !== 'true') return [];
  const rows = await connection.rows(
    `SELECT pipeline, stream FROM ${names.checkpoints} WHERE target = $1 AND version > 0 AND (pipeline, stream) <> ($2, $3) UNION SELECT pipeline, stream FROM ${names.loads} WHERE target = $1 AND state = 'published' AND (pipeline, stream) <> ($2, $3) ORDER BY 1, 2`, keyOf(names));
  return rows.map((row) => ({ pipeline: row['pipeline']!, stream: row['stream']! }));
}

/** The row of the checkpoint goes over, with its fence: whoever held it under the old name can commit nothing more. Ledger rows keep the name under which they were loaded. */
export const adopt = (connection: PostgresConnection, names: Names, from: Names, claim: Claim): Promise<void> => connection.transaction(async () => {
  await refuseOldFence(connection, from, claim.fence, claim.version, 'FOR UPDATE');
  for (const table of [names.checkpoints, names.files]) await connection.run(`DELETE FROM ${table} WHERE ${mine}`, keyOf(names));
  for (const table of [names.checkpoints, names.files]) await connection.run(`UPDATE ${table} SET pipeline = $4, stream = $5 WHERE ${mine}`, [...keyOf(from), names.pipeline, names.stream]);
});
