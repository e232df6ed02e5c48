import type { Claim } from '../../domain/claim';
import { ConfigurationError, FencedOffError } from '../../domain/errors';
import { runPath } from '../../domain/ids';
import type { Target } from '../connector';
import { displacedBy } from './displaced';
import { isLive, readManifest, tableFiles } from './manifest';
import { fenceFolder, mergedFolder, type Head, type MergedFile, type TableStore } from './table-store';

/** Takes the fence by swapping the head; whoever started later wins. Then what lower fences left unpublished is taken away. */
export async function claimTable(store: TableStore, { run, stream }: Target): Promise<Claim> {
  const holder = runPath(run);
  for (;;) {
    const head = await store.readHead();
    if (head && (head.pipeline !== run.pipeline || head.stream !== stream.stream)) throw new ConfigurationError(`claiming "${stream.to}": "${store.label}" belongs to stream "${head.stream}" of pipeline "${head.pipeline}"; give this stream another table, or, if it is that stream under another name, let it take its place with "millrace state adopt"`);
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
 * replaced since stay: they are the ledger. @param below fences of which everything that no head names is dead; a merging of small files goes on
 * beside a run under its fence, so what it brings is swept under lower fences only
 */
export async function sweep(store: TableStore, head: Head, below = head.fence): Promise<void> {
  const needed = new Set((await tableFiles(store, head)).map(({ path }) => path));
  const remove = (orphans: readonly string[]): Promise<void> => store.remove(orphans.filter((key) => !needed.has(key)));
  for (const fence of (await store.fences()).filter((one) => one < below)) {
    const orphans = [...await store.leftovers(fenceFolder(fence))];
    for (const place of (await store.documents(fence)).filter((one) => !head.batches.includes(one))) {
      orphans.push(...((await readManifest(store, place))?.files.map((file) => file.path) ?? []));
      if ((await displacedBy(store, place)).length === 0) orphans.push(place);
    }
    if (fence < head.fence && head.merging !== undefined) orphans.push(...await mergedOrphans(store, head, fence));
    await remove(orphans);
  }
  await removeGone(store, head);
}

/** A crash between the swap and the removal leaves files that were replaced or merged; no head will name them again. */
export async function removeGone(store: TableStore, head: Head): Promise<void> {
  const gone: string[] = [];
  for (const place of new Set([...Object.keys(head.dropped ?? {}), ...Object.keys(head.moved ?? {})])) {
    gone.push(...((await readManifest(store, place))?.files ?? []).filter((_file, index) => !isLive(head, place, index)).map(({ path }) => path));
  }
  await store.remove(gone);
}

/** What mergings brought under a fence, and the head does not name. */
export async function mergedOrphans(store: TableStore, { merged = [] }: Head, fence: number): Promise<readonly string[]> {
  const orphans = [...await store.leftovers(mergedFolder(fence))];
  for (const at of (await store.children(mergedFolder(fence))).filter((one) => !merged.includes(one))) {
    const text = await store.read(at);
    if (text !== null) orphans.push((JSON.parse(text) as MergedFile).file.path);
    orphans.push(at);
  }
  return orphans;
}
