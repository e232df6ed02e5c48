import { ConfigurationError, FencedOffError } from '../../domain/errors';
import { fenceOfNumber, runPath } from '../../domain/ids';
import { kindOfStaged, proofPlanOf } from '../../domain/proof-plan';
import { formatNamed } from '../../formats/registry';
import type { Capabilities, CheckResult, ConnectorContext, Destination, Target } from '../connector';
import { quoteLiteral } from '../../transforms/quote';
import { printSample } from '../print-sample';
import { targetFormatOf } from './batch-files';
import { claimTable, sweep } from './claim';
import { compactTable } from './compact';
import { loadFiles } from './load';
import { discardBatch, manifestPlace, mergedFiles, readManifest, refuseOldFence, tableFiles } from './manifest';
import { publishTable } from './publish';
import type { Head, TableFile, TableStore } from './table-store';
import { ledgerOf, verifyTable } from './verify';

/** Where tables lie: a folder, a prefix of a bucket. */
export interface TableHome {
  check(): Promise<CheckResult>;
  /** @param to the stream's `to`, such as `sales.orders` */
  open(to: string): TableStore;
  close(): Promise<void>;
}

export const fileCapabilities: Capabilities = {
  loadIsTransactional: false,
  concurrentWriters: true,
  writes: ['append', 'replace', 'delete_insert'],
  refuses: {
    merge: 'files take no updates: write "replace", or merge in a database', scd2: 'files take no updates',
    keep_previous: 'the files that a run replaces are removed with it', 'visible: batch': 'files become visible with their head, all of a run at once',
  },
};

/** A folder of files per table, committed through its head (semantics 9), wherever files can be created once and swapped. */
export async function openFileDestination(home: TableHome, context: ConnectorContext): Promise<Destination> {
  const { engine } = context;
  const tableOf = ({ stream }: Target): TableStore => home.open(stream.to);

  async function countFile(store: TableStore, target: Target, file: TableFile): Promise<number> {
    const local = store.localPath(file);
    // Its rows were counted when it was written; that it still has those bytes is all there is to see without reading it.
    if (local === null) return (await store.isIntact(file)) ? file.rows : 0;
    const { name, options } = targetFormatOf(target);
    return engine.session(new AbortController().signal, (session) => formatNamed(name).count(session, local, options));
  }

  return {
    check: () => home.check(),
    claim: (target) => claimTable(tableOf(target), target),
    async prepare({ run, stream }, plan) {
      refuseLayout(stream, plan.target.map(({ name }) => name));
      return { statements: await home.open(stream.to).foresee?.({ pipeline: run.pipeline, stream, columns: plan.target }) ?? [], destructive: [] };
    },
    stagesLineage: ({ stream }) => stream.lineage && stream.partitionBy.length === 0 && stream.fileSize === undefined && isPlainParquet(stream),
    async load(request, control) {
      const { batchId, number, rows, alreadyLoaded } = await loadFiles(tableOf(request.target), engine, request, control);
      control.reached('load:before-commit');
      control.reached('load:after-commit');
      return { batchId, batchNumber: number, rows, alreadyLoaded };
    },
    publish: (request, control) => publishTable(tableOf(request.target), request, control.reached),
    async count(target, plan, batchIds) {
      const store = tableOf(target);
      const counts: Record<string, number> = {};
      const head = await store.readHead();
      const merged = head ? await mergedFiles(store, head) : [];
      for (const id of batchIds) {
        const place = manifestPlace(id, plan.fence);
        counts[id] = merged.flatMap(({ parts }) => parts.filter((part) => part.place === place)).reduce((sum, { rows }) => sum + rows, 0);
        for (const [index, file] of (await readManifest(store, place))?.files.entries() ?? []) {
          if (!head?.moved?.[place]?.includes(index)) counts[id] += await countFile(store, target, file);
        }
      }
      return counts;
    },
    async rollback(target) {
      const store = tableOf(target);
      const head = await store.readHead();
      if (head?.holder === runPath(target.run)) await sweep(store, head, head.fence + 1);
    },
    async discard(target, plan, batchId) {
      const store = tableOf(target);
      await refuseOldFence(store, target, plan.fence, plan.version);
      await discardBatch(store, target, plan, batchId);
    },
    async trace(target, batchNumber) {
      const store = tableOf(target);
      const head = await store.readHead();
      for (const place of head ? await store.documents(fenceOfNumber(batchNumber)) : []) {
        const manifest = await readManifest(store, place);
        if (manifest?.number !== batchNumber) continue;
        const { batchId, run, rows, checksum } = manifest;
        return { batchNumber, batchId, run, stream: head!.stream, rows, checksum, state: head!.batches.includes(place) ? 'published' : 'committed', committedAt: null, publishedAt: null };
      }
      return null;
    },
    provable: async ({ stream }, columns) => proofPlanOf(columns, ({ type }) => {
      if ((stream.targetFormat?.name ?? 'parquet') !== 'parquet') return { leftOut: `${stream.targetFormat!.name} files keep no types` };
      return keptOtherwise.test(type.toUpperCase()) ? { leftOut: `Parquet keeps ${type} as another type` } : kindOfStaged(type);
    }),
    verify: (request, control) => verifyTable(tableOf(request.target), engine, request, control),
    ledger: (target, batchIds) => ledgerOf(tableOf(target), batchIds),
    async checkpoint(target) {
      const head = await tableOf(target).readHead();
      return head && isOf(head, target) ? checkpointOf(head) : null;
    },
    async setPosition(target, claim, position) {
      const store = tableOf(target);
      await refuseOldFence(store, target, claim.fence, claim.version);
      const head = (await store.readHead())!;
      const next: Head = { ...head, number: head.number + 1, version: head.version + 1, position, publisher: head.holder, receipt: null, files: position === null ? [] : head.files };
      if (!(await store.swapHead(next))) throw new FencedOffError(`setting the position of "${target.stream.to}": a later run has claimed it; try again when that has ended`);
      return checkpointOf(next);
    },
    async writers(target) {
      const head = await tableOf(target).readHead();
      return head && !isOf(head, target) ? [{ pipeline: head.pipeline, stream: head.stream }] : [];
    },
    async adopt(target, _from, claim) {
      const store = tableOf(target);
      await refuseOldFence(store, target, claim.fence, claim.version);
      const head = (await store.readHead())!;
      const next: Head = { ...head, number: head.number + 1, pipeline: target.run.pipeline, stream: target.stream.stream };
      if (!(await store.swapHead(next))) throw new FencedOffError(`taking over "${target.stream.to}": a later run has claimed it; try again when that has ended`);
    },
    async sample(target, columns, rows, path, control) {
      const store = tableOf(target);
      const head = await store.readHead();
      for (const file of head ? await tableFiles(store, head) : []) {
        const local = store.localPath(file);
        if (local !== null) return engine.session(control.signal, (session) => printSample(session, `read_parquet(${quoteLiteral(local)})`, columns, rows, path));
      }
      throw new ConfigurationError(`looking at "${target.stream.to}": no file of it lies on this machine`);
    },
    async rows(target) {
      const store = tableOf(target);
      const head = await store.readHead();
      if (!head) return null;
      return (await tableFiles(store, head)).reduce((sum, { rows }) => sum + rows, 0);
    },
    compact: (request, control) => compactTable(tableOf(request.target), engine, request, control),
    close: () => home.close(),
  };
}

const isOf = ({ pipeline, stream }: Head, target: Target): boolean => pipeline === target.run.pipeline && stream === target.stream.stream;

const checkpointOf = ({ holder, fence, version, position, files, publishedAt }: Head) => ({ holder, fence, version, position, files, publishedAt: publishedAt ?? null });

const keptOtherwise = /HUGEINT|TIME WITH TIME ZONE|INTERVAL|\bBIT\b|UNION/;

const isPlainParquet = ({ targetFormat }: Target['stream']): boolean =>
  targetFormat === undefined || (targetFormat.name === 'parquet' && (targetFormat.options['compression'] ?? 'snappy') === 'snappy');

function refuseLayout(stream: Target['stream'], columns: readonly string[]): void {
  const unknown = stream.partitionBy.find((name) => !columns.includes(name));
  if (unknown) throw new ConfigurationError(`preparing "${stream.to}": partition_by names "${unknown}", which is not among the columns: ${columns.join(', ')}`);
  const format = formatNamed(stream.targetFormat?.name ?? 'parquet');
  if (!format.copyOptions) throw new ConfigurationError(`preparing "${stream.to}": files of format "${format.name}" cannot be written`);
  if (stream.write !== 'delete_insert') return;
  const loose = Array.isArray(stream.by) ? (stream.by as readonly string[]).find((name) => !stream.partitionBy.includes(name)) : 'window';
  if (loose !== undefined) throw new ConfigurationError(`preparing "${stream.to}": files are replaced by whole folders, so "by" may name columns of partition_by only; "${loose}" is none: add it to "target: { partition_by: … }" or leave it out of "by"`);
}
