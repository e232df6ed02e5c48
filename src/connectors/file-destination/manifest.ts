import { DestinationHeldError, DestinationUnavailableError, FencedOffError } from '../../domain/errors';
import { runPath, slug } from '../../domain/ids';
import type { Target } from '../connector';
import { fenceFolder, type BatchManifest, type Head, type MergedFile, type TableFile, type TableStore } from './table-store';

export const manifestPlace = (batchId: string, fence: number): string => `${fenceFolder(fence)}/${slug(batchId)}.json`;

export async function readManifest(store: TableStore, place: string): Promise<BatchManifest | null> {
  const text = await store.read(place);
  return text === null ? null : (JSON.parse(text) as BatchManifest);
}

/** Whether a batch's file is one that readers read: later groups have not replaced it, and its rows are not in a merged file. */
export const isLive = ({ dropped, moved }: Head, place: string, index: number): boolean =>
  !dropped?.[place]?.includes(index) && !moved?.[place]?.includes(index);

/** The files of a batch that are its own and read. */
export const liveFiles = (head: Head, place: string, manifest: BatchManifest | null): readonly TableFile[] =>
  (manifest?.files ?? []).filter((_file, index) => isLive(head, place, index));

/** Merged files of the table, with the places of their documents. @param lenient leave out those whose document is gone, for those who only look */
export async function mergedFiles(store: TableStore, { merged = [] }: Head, lenient = false): Promise<readonly (MergedFile & { readonly at: string })[]> {
  const texts = await Promise.all(merged.map(async (at) => ({ at, text: await store.read(at) })));
  const lost = texts.find(({ text }) => text === null);
  if (lost && !lenient) throw new DestinationHeldError(`reading "${store.label}": the document "${lost.at}" of a merged file is gone; put it back, then "millrace resume RUN"`, { document: lost.at });
  return texts.flatMap(({ at, text }) => (text === null ? [] : [{ ...JSON.parse(text) as MergedFile, at }]));
}

/** Every file that a reader of the head reads. */
export async function tableFiles(store: TableStore, head: Head, lenient = false): Promise<readonly TableFile[]> {
  const files: TableFile[] = [];
  for (const place of head.batches) files.push(...liveFiles(head, place, await readManifest(store, place)));
  return [...files, ...(await mergedFiles(store, head, lenient)).map(({ file }) => file)];
}

export async function refuseOldFence(store: TableStore, { stream }: Target, fence: number, version: number): Promise<void> {
  const head = await store.readHead();
  if (head?.fence !== fence || head.version !== version) throw new FencedOffError(`writing to "${stream.to}": a later run has claimed it; this run ends, nothing more was written by it`, { fence });
}

/** Takes back a batch that no head names. Its name stays taken, so that an attempt that wakes up late finds another checksum there and is refused. */
export async function discardBatch(store: TableStore, { run, stream }: Target, { fence, hash }: { readonly fence: number; readonly hash: string }, batchId: string): Promise<void> {
  const place = manifestPlace(batchId, fence);
  const tombstone: BatchManifest = { batchId, number: '0', checksum: 'discarded', planHash: hash, run: runPath(run), rows: 0, fingerprint: null, proof: null, files: [] };
  const there = await readManifest(store, place);
  if (there?.checksum === tombstone.checksum) return;
  await store.remove([...there?.files.flatMap((file) => [file.path, file.written]) ?? [], place]);
  await store.createOnce(place, JSON.stringify(tombstone));
  if ((await readManifest(store, place))?.checksum !== tombstone.checksum) throw new DestinationUnavailableError(`discarding batch "${batchId}" of "${stream.to}": an attempt loaded it meanwhile; it is tried again`, { batch: batchId });
}
