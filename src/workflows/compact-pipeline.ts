import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { CompactActivities, CompactPipelineInput, StreamCompacted } from '../activities/compact-contract';
import { working } from './activity-options';

/** `millrace compact`: table after table. It takes no lock: a run may go on meanwhile. */
export async function compactPipeline({ streams, ...input }: CompactPipelineInput): Promise<readonly StreamCompacted[]> {
  const { compactStream } = proxyActivities<CompactActivities>({ ...working('30s'), retry: { maximumAttempts: 5 } });
  const done: StreamCompacted[] = [];
  for (const stream of streams) {
    done.push(await compactStream.executeWithOptions({ activityId: `${stream}/compact`, summary: `compact ${stream}` }, [{ ...input, stream }]));
    setCurrentDetails(`${done.length} of ${streams.length} tables`);
  }
  return done;
}
