import type { Dependencies } from './dependencies';
import type { TraceInput, Traced } from './seeing-contract';

/** The ledger row behind a `_millrace_batch_id`, as the destination has it. */
export const createTraceBatch = ({ openDestination }: Dependencies) => async ({ connectionsFile, connection, run, stream, batchNumber }: TraceInput): Promise<Traced | null> => {
  const destination = await openDestination(connectionsFile, connection);
  try {
    return (await destination.trace?.({ run, stream }, batchNumber)) ?? null;
  } finally {
    await destination.close();
  }
};
