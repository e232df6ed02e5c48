import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { batchColumn } from '../../domain/column';
import type { Control } from '../../domain/control';
import { BalanceError, ConfigurationError } from '../../domain/errors';
import { formatNamed } from '../../formats/registry';
import { checksumOf } from '../../stores/checksum';
import { fileList, type Engine } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { Compacted, CompactRequest } from '../connector';
import { targetFormatOf } from './batch-files';
import { mergedOrphans, removeGone } from './claim';
import { fingerprintsByBatch } from './compact-proof';
import { tableFiles } from './manifest';
import { groupsOf, isStillThere, piecesOf, type Piece } from './pieces';
import { mergedFolder, type Head, type MergedFile, type NewFile, type TableStore } from './table-store';

/**
 * Merges small files of a table, one group after another: a merged file is uploaded, its document written, and one swap of the head puts
 * it in place of the small ones. A run may load and publish meanwhile: the swap leaves fence and version alone and is done only where no
 * claim and no later merging came in between and each small file is still the table's. Whatever dies, the head names either the small files
 * or the merged one. Called again it goes on with what is still small, and where nothing is, it changes nothing.
 */
export async function compactTable(store: TableStore, engine: Engine, request: CompactRequest, control: Control): Promise<Compacted> {
  refuse(request);
  const head = await store.readHead();
  if (!head) return nothing;
  const { run: { pipeline }, stream: { stream, to } } = request.target;
  if (head.pipeline !== pipeline || head.stream !== stream) throw new ConfigurationError(`compacting "${to}": "${store.label}" belongs to stream "${head.stream}" of pipeline "${head.pipeline}"; compact it by that`);
  if (!request.dryRun) {
    // What died between a swap and the catalog is made up for first: the catalog may still name what is removed then.
    if (head.merged?.length) await announce({ store, request });
    await removeGone(store, head);
  }
  const pieces = await piecesOf(store, head);
  const groups = groupsOf(pieces, request.fileSize);
  const turn = request.dryRun ? null : await takeTurn(store, groups.length > 0);
  let done: Compacted = { ...nothing, files: pieces.length };
  for (const group of groups) {
    control.signal.throwIfAborted();
    const merged = turn === null ? request.dryRun : await mergeGroup({ store, engine, request, control, turn }, group);
    if (!merged) continue;
    const bytes = group.reduce((sum, { file }) => sum + file.bytes, 0);
    done = { ...done, merged: done.merged + group.length, into: done.into + 1, bytes: done.bytes + bytes };
    control.progress({ rows: done.into, bytes: done.bytes });
  }
  return done;
}

const nothing: Compacted = { files: 0, merged: 0, into: 0, bytes: 0 };

function refuse({ target: { stream } }: CompactRequest): void {
  const { name } = targetFormatOf({ stream } as CompactRequest['target']);
  if (name !== 'parquet') throw new ConfigurationError(`compacting "${stream.to}": its files are ${name}, which keeps no types, so rows could come out changed; choose "target: { format: parquet }", or bigger files with "target: { file_size: … }"`);
  if (!stream.lineage) throw new ConfigurationError(`compacting "${stream.to}": with "lineage: false" nothing tells in a merged file which batch a row is of, and "millrace verify" could prove no batch any more`);
}

/** What a merging may swap under: the fence that was there when it began, and its own number. */
interface Turn {
  readonly fence: number;
  readonly merging: number;
}

/** Takes the turn from mergings before, and takes away what dead ones brought: what lay there before the swap and no head names. Null: nothing lies there and nothing is to do. */
async function takeTurn(store: TableStore, needed: boolean): Promise<Turn | null> {
  for (;;) {
    const orphans: string[] = [];
    const before = (await store.readHead())!;
    for (const fence of before.merging === undefined ? [] : await store.fences()) orphans.push(...await mergedOrphans(store, before, fence));
    if (!needed && orphans.length === 0) return null;
    const head: Head = { ...before, number: before.number + 1, merging: (before.merging ?? 0) + 1 };
    if (!(await store.swapHead(head))) continue;
    const named = new Set([...(await tableFiles(store, head)).map((file) => file.path), ...head.merged ?? []]);
    await store.remove(orphans.filter((key) => !named.has(key)));
    return { fence: head.fence, merging: head.merging! };
  }
}

const isStillOn = (head: Head, { fence, merging }: Turn): boolean => head.fence === fence && head.merging === merging;

interface Work {
  readonly turn: Turn;
  readonly store: TableStore;
  readonly engine: Engine;
  readonly request: CompactRequest;
  readonly control: Control;
}

/** False: somebody has taken one of the small files out of the table meanwhile; the rest is for the next time. */
async function mergeGroup(work: Work, group: readonly Piece[]): Promise<boolean> {
  const { store, control, turn } = work;
  const head = (await store.readHead())!;
  if (!isStillOn(head, turn) || !group.every((piece) => isStillThere(head, piece))) return false;
  const scratch = await store.scratch();
  try {
    const file = await writeMerged(work, group, scratch);
    control.reached('compact:after-data');
    const [kept] = await store.keep([file], mergedFolder(turn.fence), control.signal);
    const place = `${mergedFolder(turn.fence)}/${randomUUID()}.json`;
    await store.createOnce(place, JSON.stringify({ file: kept!, parts: partsOf(group) } satisfies MergedFile));
    await store.settle([kept!]);
    control.reached('compact:after-manifest');
    const swapped = await putInPlace(store, group, turn, place);
    control.reached('compact:after-commit');
    if (swapped) await announce(work);
    await store.remove(swapped ? group.map((piece) => piece.file.path) : [kept!.path, place]);
    return swapped;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const announce = async ({ store, request: { target } }: Pick<Work, 'store' | 'request'>): Promise<void> =>
  store.announce?.({ pipeline: target.run.pipeline, stream: target.stream, columns: null });

/** Batch by batch, rows of several files added up. */
function partsOf(group: readonly Piece[]): MergedFile['parts'] {
  const parts = new Map<string, MergedFile['parts'][number]>();
  for (const part of group.flatMap((piece) => piece.parts)) parts.set(part.place, { ...part, rows: part.rows + (parts.get(part.place)?.rows ?? 0) });
  return [...parts.values()];
}

/** After a claim or a later merging what was brought may be swept, so the swap is not tried there. */
async function putInPlace(store: TableStore, group: readonly Piece[], turn: Turn, place: string): Promise<boolean> {
  for (;;) {
    const head = (await store.readHead())!;
    // Also after a lost reply.
    if (head.merged?.includes(place)) return true;
    if (!isStillOn(head, turn) || !group.every((piece) => isStillThere(head, piece))) return false;
    if (await store.swapHead(withMerged(head, group, place))) return true;
  }
}

function withMerged(head: Head, group: readonly Piece[], place: string): Head {
  const moved: Record<string, readonly number[]> = { ...head.moved };
  for (const { from } of group) if (from.kind === 'batch') moved[from.place] = [...moved[from.place] ?? [], from.index].sort((left, right) => left - right);
  const gone = new Set(group.flatMap(({ from }) => (from.kind === 'merged' ? [from.place] : [])));
  return { ...head, number: head.number + 1, moved, merged: [...(head.merged ?? []).filter((one) => !gone.has(one)), place] };
}

/** Rows in the order of the table; each batch's fingerprint is taken before and after, and must be the same. */
async function writeMerged({ store, engine, request: { target }, control }: Work, group: readonly Piece[], scratch: string): Promise<NewFile> {
  const inputs: string[] = [];
  for (const [index, { file }] of group.entries()) {
    const local = store.localPath(file) ?? path.join(scratch, `${index}.parquet`);
    if (store.localPath(file) === null) await store.download(file, local, control.signal);
    inputs.push(local);
  }
  const local = path.join(scratch, 'merged.parquet');
  const { name, options } = targetFormatOf(target);
  const rows = await engine.session(control.signal, async (session) => {
    // A folder's name must not pass for the column of that name, which the files hold in its own type.
    const from = (files: readonly string[]): string => `read_parquet(${fileList(files)}, union_by_name = true, hive_partitioning = false)`;
    const written = await session.changed(`COPY (SELECT * FROM ${from(inputs)}) TO ${quoteLiteral(local)} (${formatNamed(name).copyOptions!(options)})`);
    const [before, after] = [await fingerprintsByBatch(session, store, group, from(inputs)), await fingerprintsByBatch(session, store, group, from([local]))];
    const parts = partsOf(group).map(({ number, rows: count }) => `${number}: ${count}`).sort();
    const problem = JSON.stringify(before) !== JSON.stringify(after) ? 'a batch has another fingerprint in the merged file'
      : JSON.stringify(before.map(({ number, rows: count }) => `${number}: ${count}`)) !== JSON.stringify(parts) ? `the files hold other rows than their batches say (column ${batchColumn})` : null;
    if (problem) throw new BalanceError(`compacting "${target.stream.to}": ${problem}; nothing was changed: see "millrace verify ${target.run.pipeline}"`, { folder: path.dirname(group[0]!.file.path) });
    return written;
  });
  return { local, rows, bytes: (await stat(local)).size, checksum: await checksumOf(local), values: group[0]!.file.values, path: path.join(path.dirname(group[0]!.file.path), `m-${randomUUID()}.parquet`) };
}
