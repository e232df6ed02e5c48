import type { Claim } from '../../domain/claim';
import { quoteLiteral } from '../../transforms/quote';
import type { Writer } from '../destination';
import { refuseOldFence, tableExists, type Names } from './names';

type Session = Parameters<typeof refuseOldFence>[0];

/** By the ledger, and by checkpoints where a publish had no rows. */
export async function otherWriters(session: Session, names: Names): Promise<readonly Writer[]> {
  if (!(await tableExists(session, 'main', '_millrace_files'))) return [];
  const where = `target = ${quoteLiteral(names.label)} AND NOT (${names.mine})`;
  const rows = await session.rows(`SELECT pipeline, stream FROM _millrace_checkpoints WHERE ${where} AND version > 0 UNION SELECT pipeline, stream FROM _millrace_loads WHERE ${where} AND state = 'published' ORDER BY 1, 2`);
  return rows.map((row) => ({ pipeline: row['pipeline']!, stream: row['stream']! }));
}

/** The row of the checkpoint goes over, with its fence. Ledger rows keep the name under which they were loaded. */
export async function adopt(session: Session, names: Names, from: Names, own: Writer, claim: Claim): Promise<void> {
  await refuseOldFence(session, from, claim.fence, claim.version);
  for (const table of ['_millrace_checkpoints', '_millrace_files']) {
    await session.run(`DELETE FROM ${table} WHERE ${names.mine}`);
    await session.run(`UPDATE ${table} SET pipeline = ${quoteLiteral(own.pipeline)}, stream = ${quoteLiteral(own.stream)} WHERE ${from.mine}`);
  }
}
