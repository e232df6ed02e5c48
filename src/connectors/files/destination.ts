import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readFile, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { batchColumn } from '../../domain/column';
import type { Control } from '../../domain/control';
import { BalanceError, ConfigurationError, DestinationUnavailableError, FencedOffError } from '../../domain/errors';
import { proofText } from '../../domain/fingerprint';
import { kindOfStaged, proofPlanOf } from '../../domain/proof-plan';
import { batchNumberOf, pathTime, runPath, slug } from '../../domain/ids';
import type { PublishReceipt } from '../../domain/receipt';
import { formatNamed } from '../../formats/registry';
import { fileList } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from '../../transforms/quote';
import type { ConnectorContext, Destination, LoadRequest, PublishRequest, Target } from '../connector';
import type { FilesConfig } from './config';
import { verifyFolder } from './verify';
import { createOnce, readHead, swapHead, type Head } from './head';

/** One loaded batch: `_millrace/f<fence>/<batch>.json`, first writer wins. */
export interface BatchManifest {
  readonly batchId: string;
  readonly number: string;
  readonly checksum: string;
  readonly rows: number;
  readonly fingerprint: string | null;
  /** What it covers; null: `proof: counts`. */
  readonly proof: string | null;
  /** Where the attempt wrote its files, and where they belong; both relative to the table's folder. */
  readonly files: readonly { readonly written: string; readonly path: string }[];
}

/** A folder of files per table, committed through its head file (semantics 9). */
export async function openFilesDestination(config: FilesConfig, context: ConnectorContext): Promise<Destination> {
  const root = path.resolve(context.baseFolder, config.path);
  const tableOf = ({ stream }: Target): string => path.join(root, ...stream.to.split('.').map(slug));
  const manifestOf = (batchId: string, fence: number): string => `_millrace/f${fence}/${slug(batchId)}.json`;
  const read = async (table: string, manifest: string): Promise<BatchManifest | null> =>
    readFile(path.join(table, manifest), 'utf8').then((text) => JSON.parse(text) as BatchManifest, () => null);

  async function load({ target, plan, batch, paths }: LoadRequest, control: Control): Promise<BatchManifest & { readonly alreadyLoaded: boolean }> {
    const table = tableOf(target);
    const place = manifestOf(batch.id, plan.fence);
    let manifest = await read(table, place);
    const alreadyLoaded = manifest !== null;
    if (!manifest) {
      const number = batchNumberOf(plan.fence, partOf(batch.id));
      const { rows, files } = plan.stagesLineage ? await takeOver(target, paths, number, plan.fence, table, control.signal) : await write(target, paths, batch.columns.map(({ name }) => name), number, plan.fence, batch.rows, table, control.signal);
      if (rows !== batch.rows) throw new BalanceError(`loading batch "${batch.id}" into "${target.stream.to}": ${rows} rows were written, ${batch.rows} were staged; nothing was loaded`, { batch: batch.id });
      control.reached('load:after-data');
      await refuseOldFence(table, target, plan.fence, plan.version);
      await createOnce(path.join(table, place), JSON.stringify({ batchId: batch.id, number, checksum: batch.checksum, rows, fingerprint: batch.proof?.fingerprint ?? null, proof: plan.proof ? proofText(plan.proof.columns) : null, files }));
      manifest = (await read(table, place))!;
    }
    if (manifest.checksum !== batch.checksum) throw new FencedOffError(`loading batch "${batch.id}": it was loaded with other content; it is neither loaded again nor skipped: start a new run`, { batch: batch.id });
    await settleFiles(table, manifest);
    return { ...manifest, alreadyLoaded };
  }

  /** The staged files become the table's own, without writing them again. */
  async function takeOver(target: Target, paths: readonly string[], number: string, fence: number, table: string, signal: AbortSignal): Promise<{ readonly rows: number; readonly files: BatchManifest['files'] }> {
    const draft = `_millrace/drafts/${randomUUID()}`;
    await mkdir(path.join(table, draft), { recursive: true });
    let rows = 0;
    const files: { written: string; path: string }[] = [];
    for (const [index, file] of paths.entries()) {
      const count = await context.engine.session(signal, (session) => formatNamed('parquet').count(session, file, {}));
      if (count === 0) continue;
      const written = path.join(draft, `${index}.parquet`);
      await linkOrCopy(file, path.join(table, written));
      rows += count;
      files.push({ written, path: path.join(homeOf(target, fence), `b${number}-${index}-${randomUUID().slice(0, 8)}.parquet`) });
    }
    return { rows, files };
  }

  /** Written apart and moved when the manifest names them: a reader never meets half a file. */
  async function write(target: Target, paths: readonly string[], columns: readonly string[], number: string, fence: number, staged: number, table: string, signal: AbortSignal): Promise<{ readonly rows: number; readonly files: BatchManifest['files'] }> {
    const { stream } = target;
    if (staged === 0) return { rows: 0, files: [] };
    const { name, options } = stream.targetFormat ?? { name: 'parquet', options: {} };
    const draft = `_millrace/drafts/${randomUUID()}`;
    await mkdir(path.join(table, draft), { recursive: true });
    const lineage = stream.lineage ? `, CAST(${number} AS BIGINT) AS ${quoteIdentifier(batchColumn)}` : '';
    const select = `SELECT ${quoteList(columns)}${lineage} FROM read_parquet(${fileList(paths)})`;
    const ending = formatNamed(name).extensions[0]!;
    const format = formatNamed(name).copyOptions!(options);
    const partitioned = stream.partitionBy.length > 0;
    const to = path.join(table, draft, partitioned ? '' : `data.${ending}`);
    const copy = `COPY (${select}) TO ${quoteLiteral(to)} (${format}${partitioned ? `, PARTITION_BY (${quoteList(stream.partitionBy)}), OVERWRITE_OR_IGNORE, WRITE_PARTITION_COLUMNS true` : ''})`;
    const rows = await context.engine.session(signal, (session) => session.changed(copy));
    const home = homeOf(target, fence);
    const found = (await readdir(path.join(table, draft), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const files = found.map((entry, index) => {
      const inside = path.relative(path.join(table, draft), path.join(entry.parentPath, entry.name));
      return { written: path.join(draft, inside), path: path.join(home, path.dirname(inside), `b${number}-${index}-${randomUUID().slice(0, 8)}.${ending}`) };
    });
    return { rows, files };
  }

  async function publish({ target, plan, batchIds }: Pick<PublishRequest, 'target' | 'plan' | 'batchIds'>, reached: (point: 'publish:before-commit' | 'publish:after-commit') => void): Promise<PublishReceipt> {
    const table = tableOf(target);
    const head = (await readHead(table))!;
    const holder = runPath(target.run);
    if (head.version === plan.version + 1 && head.publisher === holder && head.receipt) return head.receipt;
    await refuseOldFence(table, target, plan.fence, plan.version);
    const places = batchIds.map((id) => manifestOf(id, plan.fence));
    const manifests: BatchManifest[] = [];
    for (const [index, place] of places.entries()) {
      const manifest = await read(table, place);
      if (!manifest) throw new FencedOffError(`publishing to "${target.stream.to}": batch "${batchIds[index]}" was not loaded; nothing was published: start a new run`, { batch: batchIds[index]! });
      await settleFiles(table, manifest);
      manifests.push(manifest);
    }
    const replaced = target.stream.write === 'replace' ? head.batches : [];
    let deleted = 0;
    for (const place of replaced) deleted += (await read(table, place))?.rows ?? 0;
    const receipt: PublishReceipt = { fence: plan.fence, version: plan.version + 1, batches: batchIds.length, rows: manifests.reduce((sum, { rows }) => sum + rows, 0), deduplicated: 0, deleted, position: plan.position };
    const names = new Set(plan.files.map((file) => file.path));
    reached('publish:before-commit');
    const swapped = await swapHead(table, {
      ...head, number: head.number + 1, version: plan.version + 1, position: plan.position, publisher: holder, receipt,
      files: [...head.files.filter((file) => !names.has(file.path)), ...plan.files], batches: [...(replaced.length > 0 || target.stream.write === 'replace' ? [] : head.batches), ...places],
    });
    if (!swapped) return publish({ target, plan, batchIds }, () => undefined);
    reached('publish:after-commit');
    for (const place of replaced) await removeBatch(table, place);
    return receipt;
  }

  const removeBatch = async (table: string, place: string): Promise<void> => {
    for (const file of (await read(table, place))?.files ?? []) {
      await rm(path.join(table, file.path), { force: true });
      await removeEmpty(table, path.dirname(file.path));
    }
    await rm(path.join(table, place), { force: true });
  };

  /** What lies under a fence lower than the head's and is named by no head is an orphan. */
  async function sweep(table: string, head: Head): Promise<void> {
    await rm(path.join(table, '_millrace/drafts'), { recursive: true, force: true });
    const fences = await readdir(path.join(table, '_millrace')).catch(() => [] as string[]);
    for (const folder of fences.filter((name) => /^f\d+$/.test(name) && Number(name.slice(1)) < head.fence)) {
      for (const name of await readdir(path.join(table, '_millrace', folder))) {
        const place = `_millrace/${folder}/${name}`;
        if (!head.batches.includes(place)) await removeBatch(table, place);
      }
    }
  }

  return {
    check: async () => ({ ok: true, messages: [`"${context.connection}": folder "${root}"${existsSync(root) ? '' : ' (will be made)'}`] }),
    async claim(target) {
      const table = tableOf(target);
      const { run, stream } = target;
      const holder = runPath(run);
      for (;;) {
        const head = await readHead(table);
        if (head && (head.pipeline !== run.pipeline || head.stream !== stream.stream)) throw new ConfigurationError(`claiming "${stream.to}": the folder belongs to stream "${head.stream}" of pipeline "${head.pipeline}"; give this stream another one`);
        if (head?.holder === holder) return claimOf(head);
        if (head && head.startedAt > run.startedAt) throw new FencedOffError(`claiming "${stream.to}": run "${head.holder}" started later and holds it; this run ends, nothing was written by it`, { holder: head.holder });
        const next: Head = {
          ...(head ?? { version: 0, position: null, files: [], batches: [], publisher: null, receipt: null }),
          pipeline: run.pipeline, stream: stream.stream, number: (head?.number ?? 0) + 1, fence: (head?.fence ?? 0) + 1, holder, startedAt: run.startedAt,
        };
        if (!(await swapHead(table, next))) continue;
        await sweep(table, next);
        return claimOf(next);
      }
    },
    async prepare({ stream }, plan) {
      const unknown = stream.partitionBy.find((name) => !plan.target.some((column) => column.name === name));
      if (unknown) throw new ConfigurationError(`preparing "${stream.to}": partition_by names "${unknown}", which is not among the columns: ${plan.target.map(({ name }) => name).join(', ')}`);
      const format = formatNamed(stream.targetFormat?.name ?? 'parquet');
      if (!format.copyOptions) throw new ConfigurationError(`preparing "${stream.to}": files of format "${format.name}" cannot be written`);
      return { statements: [], destructive: [] };
    },
    stagesLineage: ({ stream }) => stream.lineage && stream.partitionBy.length === 0 && (stream.targetFormat === undefined || (stream.targetFormat.name === 'parquet' && (stream.targetFormat.options['compression'] ?? 'snappy') === 'snappy')),
    provable: async ({ stream }, columns) => proofPlanOf(columns, ({ type }) => {
      if ((stream.targetFormat?.name ?? 'parquet') !== 'parquet') return { leftOut: `${stream.targetFormat!.name} files keep no types` };
      return keptOtherwise.test(type.toUpperCase()) ? { leftOut: `Parquet keeps ${type} as another type` } : kindOfStaged(type);
    }),
    async load(request, control) {
      const done = await load(request, control);
      control.reached('load:before-commit');
      control.reached('load:after-commit');
      return { batchId: done.batchId, batchNumber: done.number, rows: done.rows, alreadyLoaded: done.alreadyLoaded };
    },
    publish: (request, control) => publish(request, control.reached),
    async count(target, plan, batchIds) {
      const table = tableOf(target);
      const { name, options } = target.stream.targetFormat ?? { name: 'parquet', options: {} };
      const counts: Record<string, number> = {};
      for (const id of batchIds) {
        const manifest = await read(table, manifestOf(id, plan.fence));
        let rows = 0;
        for (const file of manifest?.files ?? []) rows += await context.engine.session(new AbortController().signal, (session) => formatNamed(name).count(session, path.join(table, file.path), options));
        counts[id] = rows;
      }
      return counts;
    },
    async discard(target, plan, batchId) {
      const table = tableOf(target);
      await refuseOldFence(table, target, plan.fence, plan.version);
      const place = manifestOf(batchId, plan.fence);
      // The name stays taken, so that an attempt that wakes up late finds another checksum there and is refused.
      const tombstone: BatchManifest = { batchId, number: '0', checksum: 'discarded', rows: 0, fingerprint: null, proof: null, files: [] };
      if ((await read(table, place))?.checksum === tombstone.checksum) return;
      await removeBatch(table, place);
      await createOnce(path.join(table, place), JSON.stringify(tombstone));
      if ((await read(table, place))?.checksum !== tombstone.checksum) throw new DestinationUnavailableError(`discarding batch "${batchId}" of "${target.stream.to}": an attempt loaded it meanwhile; it is tried again`, { batch: batchId });
    },
    verify: (request, control) => verifyFolder(context, tableOf(request.target), request, (place) => read(tableOf(request.target), place), manifestOf, control),
    async rollback(target) {
      const table = tableOf(target);
      const head = await readHead(table);
      if (head && head.holder === runPath(target.run)) await sweep(table, { ...head, fence: head.fence + 1 });
    },
    async checkpoint(target) {
      const head = await readHead(tableOf(target));
      return head && checkpointOf(head);
    },
    async setPosition(target, claim, position) {
      const table = tableOf(target);
      await refuseOldFence(table, target, claim.fence, claim.version);
      const head = (await readHead(table))!;
      const next: Head = { ...head, number: head.number + 1, version: head.version + 1, position, publisher: head.holder, receipt: null, files: position === null ? [] : head.files };
      if (!(await swapHead(table, next))) throw new FencedOffError(`setting the position of "${target.stream.to}": a later run has claimed it; try again when that has ended`);
      return checkpointOf(next);
    },
    async trace(target, batchNumber) {
      const table = tableOf(target);
      const fence = BigInt(batchNumber) / 2n ** 20n;
      for (const name of await readdir(path.join(table, '_millrace', `f${fence}`)).catch(() => [] as string[])) {
        const place = `_millrace/f${fence}/${name}`;
        const manifest = await read(table, place);
        if (manifest?.number !== batchNumber) continue;
        const head = (await readHead(table))!;
        const { batchId, rows, checksum } = manifest;
        return { batchNumber, batchId, run: batchId.split('/').slice(0, 2).join('/'), stream: head.stream, rows, checksum, state: head.batches.includes(place) ? 'published' as const : 'committed' as const, committedAt: null, publishedAt: null };
      }
      return null;
    },
    async rows(target) {
      const table = tableOf(target);
      const head = await readHead(table);
      if (!head) return null;
      let rows = 0;
      for (const place of head.batches) rows += (await read(table, place))?.rows ?? 0;
      return rows;
    },
    close: async () => undefined,
  };
}

const keptOtherwise = /HUGEINT|TIME WITH TIME ZONE|INTERVAL|\bBIT\b|UNION/;

const claimOf = ({ fence, version, position, files }: Head) => ({ fence, version, position, files });

const checkpointOf = ({ holder, fence, version, position, files }: Head) => ({ holder, fence, version, position, files, publishedAt: null });

const homeOf = ({ stream, run }: Target, fence: number): string => (stream.write === 'replace' ? `run=${pathTime(run.logicalDate)}-f${fence}` : '');

/** A second name for the same bytes; between file systems, or where links are not allowed, a copy. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to);
  }
}

/** `…/0007/00` → 7. */
function partOf(batchId: string): number | 'all' {
  const part = batchId.split('/').at(-2)!;
  return part === 'all' ? part : Number.parseInt(part, 10);
}

/** Moves the files of a batch to where they belong; what an earlier visit has moved is there already. */
async function settleFiles(table: string, { files }: BatchManifest): Promise<void> {
  for (const file of files) {
    const to = path.join(table, file.path);
    if (existsSync(to)) continue;
    await mkdir(path.dirname(to), { recursive: true });
    await rename(path.join(table, file.written), to);
  }
}

async function refuseOldFence(table: string, { stream }: Target, fence: number, version: number): Promise<void> {
  const head = await readHead(table);
  if (head?.fence !== fence || head.version !== version) throw new FencedOffError(`writing to "${stream.to}": a later run has claimed it; this run ends, nothing more was written by it`, { fence });
}

async function removeEmpty(table: string, folder: string): Promise<void> {
  for (let at = folder; at !== '.' && at !== ''; at = path.dirname(at)) {
    const gone = await rmdir(path.join(table, at)).then(() => true, () => false);
    if (!gone) return;
  }
}
