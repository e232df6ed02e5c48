import type { Claim } from '../../domain/claim';
import { ConfigurationError, FencedOffError } from '../../domain/errors';
import { runPath } from '../../domain/ids';
import type { Target } from '../connector';
import { displacedBy } from './displaced';
import { liveFiles, readManifest } from './manifest';
import type { Head, TableStore } from './table-store';

/** Takes the fence by swapping the head; whoever started later wins. Then what lower fences left unpublished is taken away. */
export async function claimTable(store: TableStore, { run, stream }: Target): Promise<Claim> {
  const holder = runPath(run);
  for (;;) {
    const head = await store.readHead();
    if (head && (head.pipeline !== run.pipeline || head.stream !== stream.stream)) throw new ConfigurationError(`claiming "${stream.to}": "${store.label}" belongs to stream "${head.stream}" of pipeline "${head.pipeline}"; give this stream another table`);
    if (head?.holder === holder) return claimOf(head);
    if (head && head.startedAt > run.startedAt) throw new FencedOffError(`claiming "${stream.to}": run "${head.holder}" started later and holds it; this run ends, nothing was written by it`, { holder: head.holder });
    const next: Head = {
      ...(head ?? { version: 0, position: null, files: [], batches: [], publisher: null, receipt: null }),
      pipeline: run.pipeline, stream: stream.stream, number: (head?.number ?? 0) + 1, fence: (head?.fence ?? 0) + 1, holder, startedAt: run.startedAt,
    };
    if (!(await store.swapHead(next))) continue;
    await sweep(store, next);
    return claimOf(next);
  }
}

const claimOf = ({ fence, version, position, files }: Head): Claim => ({ fence, version, position, files });

/**
 * What lies under a fence lower than the head's and is named by no head is an orphan. Manifests of batches that were published and
 * replaced since stay: they are the ledger.
 */
export async function sweep(store: TableStore, head: Head): Promise<void> {
  const needed = new Set(await filesOf(store, head));
  for (const fence of (await store.fences()).filter((one) => one < head.fence)) {
    const orphans = [...await store.leftovers(fence)];
    for (const place of (await store.documents(fence)).filter((one) => !head.batches.includes(one))) {
      orphans.push(...((await readManifest(store, place))?.files.map((file) => file.path) ?? []));
      if ((await displacedBy(store, place)).length === 0) orphans.push(place);
    }
    await store.remove(orphans.filter((key) => !needed.has(key)));
  }
}

/** Paths of the files that a reader of the head reads. */
async function filesOf(store: TableStore, head: Head): Promise<readonly string[]> {
  const files: string[] = [];
  for (const place of head.batches) files.push(...liveFiles(head, place, await readManifest(store, place)).map((file) => file.path));
  return files;
}
