import { slug } from '../domain/ids';
import type { RunSummary } from '../domain/receipt';
import type { StagingStore } from '../stores/staging';

/** What the checks of a stream measured in earlier runs that published it, by check id, newest first; from their receipts. */
export async function checkHistory(staging: StagingStore, pipeline: string, stream: string, runs: number): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  let published = 0;
  for (const key of [...(await staging.list(`${slug(pipeline)}/chain`))].reverse()) {
    if (published >= runs) break;
    const link = await staging.read(key);
    const text = link === null ? null : await staging.read((JSON.parse(link) as { readonly receipt: string }).receipt);
    const receipt = text === null ? null : (JSON.parse(text) as RunSummary);
    // A replay is some rows of a run, and no measure for the next one.
    const summary = receipt?.run?.replay ? undefined : receipt?.streams?.find((one) => one.stream === stream);
    if (!summary?.state.startsWith('succeeded')) continue;
    published += 1;
    for (const { id, measured } of summary.checks) {
      if (id !== undefined && measured !== undefined) found.set(id, [...(found.get(id) ?? []), measured]);
    }
  }
  return found;
}
