import { batchColumn } from '../../domain/column';
import type { PublishRequest } from '../connector';
import { quoteList } from './quote';
import type { Names } from './system-tables';
import type { LedgerBatches, Loading, Write, Written } from './write';
import { append } from './write-append';
import { deleteInsert } from './write-delete-insert';
import { merge } from './write-merge';
import { replace } from './write-replace';
import { scd2 } from './write-scd2';

/** Moves the staged rows of a run into its target, in the publish transaction. */
export async function writeRows(loading: Loading, names: Names, request: PublishRequest, { numbers, replays }: LedgerBatches): Promise<Written> {
  const { stream } = request.target;
  const columns = quoteList([...request.plan.target.map(({ name }) => name), ...(stream.lineage ? [batchColumn] : [])]);
  const write: Write = { ...loading, names, request, numbers, replays, columns, hidden: names.hidden(request.plan.fence) };
  if (stream.visible === 'batch') return visibleAlready(write);
  const written = await byWrite(write);
  await write.connection.run(`DROP TABLE IF EXISTS ${write.hidden}`);
  return written;
}

function byWrite(write: Write): Promise<Written> {
  switch (write.request.target.stream.write) {
    case 'append': return append(write);
    case 'replace': return replace(write);
    case 'merge': return merge(write);
    case 'delete_insert': return deleteInsert(write);
    case 'scd2': return scd2(write);
  }
}

async function visibleAlready({ connection, names, numbers }: Write): Promise<Written> {
  const { n } = await connection.row(`SELECT coalesce(sum(rows), 0)::text AS n FROM ${names.loads} WHERE batch_number = ANY($1::bigint[])`, [`{${numbers.join(',')}}`]);
  return { rows: Number(n), deduplicated: 0, deleted: 0 };
}
