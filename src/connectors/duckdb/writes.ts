import { batchColumn } from '../../domain/column';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteList } from '../../transforms/quote';
import type { PublishRequest } from '../connector';
import type { Names } from './names';
import type { LedgerBatches, Write, Written } from './write';
import { append } from './write-append';
import { deleteInsert } from './write-delete-insert';
import { merge } from './write-merge';
import { replace } from './write-replace';
import { scd2 } from './write-scd2';

/** Moves the staged rows of a run into its target, in the publish transaction. */
export function writeRows(session: Session, names: Names, request: PublishRequest, { numbers, replays }: LedgerBatches): Promise<Written> {
  const { stream } = request.target;
  const columns = quoteList([...request.plan.target.map(({ name }) => name), ...(stream.lineage ? [batchColumn] : [])]);
  const write: Write = { session, names, request, numbers, replays, columns, hidden: names.hidden(request.plan.fence) };
  switch (stream.write) {
    case 'append': return append(write);
    case 'replace': return replace(write);
    case 'merge': return merge(write);
    case 'delete_insert': return deleteInsert(write);
    case 'scd2': return scd2(write);
  }
}
