import { FencedOffError } from '../../domain/errors';
import { runPath } from '../../domain/ids';
import type { PublishReceipt } from '../../domain/receipt';
import type { PublishRequest } from '../connector';
import { displacements, noteDisplaced, without } from './displaced';
import { manifestPlace, readManifest, refuseOldFence } from './manifest';
import type { BatchManifest, TableStore } from './table-store';

type Reached = (point: 'publish:before-commit' | 'publish:after-commit') => void;
type Request = Pick<PublishRequest, 'target' | 'plan' | 'batchIds'>;

/** One swap of the head makes a run's batches the table's; what they replace is removed after it. */
export async function publishTable(store: TableStore, request: Request, reached: Reached): Promise<PublishReceipt> {
  const { target, plan, batchIds } = request;
  const head = (await store.readHead())!;
  const holder = runPath(target.run);
  const announce = async (): Promise<void> => store.announce?.({ pipeline: target.run.pipeline, stream: target.stream, columns: plan.target });
  // Also after a lost reply: the head already holds this change.
  if (head.version === plan.version + 1 && head.publisher === holder && head.receipt) {
    await announce();
    return head.receipt;
  }
  await refuseOldFence(store, target, plan.fence, plan.version);
  const coming = await manifestsOf(store, request);
  const gone = await displacements(store, head, request, coming);
  const receipt: PublishReceipt = {
    fence: plan.fence, version: plan.version + 1, batches: batchIds.length, deduplicated: 0, position: plan.position,
    rows: coming.reduce((sum, { rows }) => sum + rows, 0), deleted: gone.batches.reduce((sum, { rows }) => sum + rows, 0),
  };
  await noteDisplaced(store, gone, holder, plan.fence);
  const left = await without(store, head, gone);
  const recorded = new Set(plan.files.map((file) => file.path));
  reached('publish:before-commit');
  const swapped = await store.swapHead({
    ...head, number: head.number + 1, version: plan.version + 1, position: plan.position, publisher: holder, receipt, publishedAt: new Date().toISOString(),
    files: [...head.files.filter((file) => !recorded.has(file.path)), ...plan.files],
    ...left, batches: [...left.batches, ...batchIds.map((id) => manifestPlace(id, plan.fence))],
  });
  if (!swapped) return publishTable(store, request, () => undefined);
  reached('publish:after-commit');
  await announce();
  await store.remove([...gone.batches.flatMap(({ files }) => files.map((file) => file.path)), ...gone.merged.map(({ path }) => path)]);
  return receipt;
}

async function manifestsOf(store: TableStore, { target, plan, batchIds }: Request): Promise<readonly BatchManifest[]> {
  const found: BatchManifest[] = [];
  for (const id of batchIds) {
    const manifest = await readManifest(store, manifestPlace(id, plan.fence));
    if (!manifest) throw new FencedOffError(`publishing to "${target.stream.to}": batch "${id}" was not loaded; nothing was published: start a new run`, { batch: id });
    await store.settle(manifest.files);
    found.push(manifest);
  }
  return found;
}
