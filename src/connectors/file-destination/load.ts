import { BalanceError, FencedOffError } from '../../domain/errors';
import type { Control } from '../../domain/control';
import { proofText } from '../../domain/fingerprint';
import { batchNumberOf, partOf, runPath } from '../../domain/ids';
import type { Engine } from '../../transforms/duckdb-engine';
import type { LoadRequest } from '../connector';
import { stagedFiles, writtenFiles } from './batch-files';
import { manifestPlace, readManifest, refuseOldFence } from './manifest';
import { fenceFolder, type BatchManifest, type TableStore } from './table-store';

/** Files first, then the manifest that names them: the first manifest wins, and what another attempt brought is taken away again. */
export async function loadFiles(store: TableStore, engine: Engine, request: LoadRequest, control: Control): Promise<BatchManifest & { readonly alreadyLoaded: boolean }> {
  const { plan, batch } = request;
  const place = manifestPlace(batch.id, plan.fence);
  const earlier = await readManifest(store, place);
  const manifest = earlier ?? await bring(store, engine, request, place, control);
  if (manifest.checksum !== batch.checksum) throw new FencedOffError(`loading batch "${batch.id}": it was loaded with other content; it is neither loaded again nor skipped: start a new run`, { batch: batch.id });
  await store.settle(manifest.files);
  return { ...manifest, alreadyLoaded: earlier !== null };
}

async function bring(store: TableStore, engine: Engine, request: LoadRequest, place: string, control: Control): Promise<BatchManifest> {
  const { target, plan, batch } = request;
  const number = batchNumberOf(plan.fence, partOf(batch.id));
  await refuseOldFence(store, target, plan.fence, plan.version);
  const found = plan.stagesLineage ? await stagedFiles(request, number, engine, control.signal) : await writtenFiles(request, number, store, engine, control.signal);
  try {
    if (found.rows !== batch.rows) throw new BalanceError(`loading batch "${batch.id}" into "${target.stream.to}": ${found.rows} rows were written, ${batch.rows} were staged; nothing was loaded`, { batch: batch.id });
    const files = await store.keep(found.files, fenceFolder(plan.fence), control.signal);
    control.progress({ rows: found.rows, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) });
    control.reached('load:after-data');
    await refuseOldFence(store, target, plan.fence, plan.version);
    await store.createOnce(place, JSON.stringify(manifestOf(request, number, found.rows, files)));
    const winner = (await readManifest(store, place))!;
    const named = new Set(winner.files.map((file) => file.written));
    await store.remove(files.map((file) => file.written).filter((key) => !named.has(key)));
    return winner;
  } finally {
    await found.discard();
  }
}

const manifestOf = ({ target, plan, batch }: LoadRequest, number: string, rows: number, files: BatchManifest['files']): BatchManifest => ({
  batchId: batch.id, number, checksum: batch.checksum, planHash: plan.hash, run: runPath(target.run), rows, files,
  fingerprint: batch.proof?.fingerprint ?? null, proof: plan.proof ? proofText(plan.proof.columns) : null,
});
