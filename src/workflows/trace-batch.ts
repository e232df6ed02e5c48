import type { TraceInput, Traced } from '../activities/seeing-contract';
import { looking } from './activity-options';

/** `millrace lineage TABLE BATCH`: asks the destination's ledger. */
export async function traceBatch(input: TraceInput): Promise<Traced | null> {
  return looking().traceBatch.executeWithOptions({ activityId: 'trace', summary: `trace a batch of ${input.stream.to}` }, [input]);
}
