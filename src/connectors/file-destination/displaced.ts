import type { PublishRequest } from '../connector';
import { liveFiles, mergedFiles, readManifest } from './manifest';
import type { BatchManifest, Head, TableFile, TableStore } from './table-store';

/** Files of one earlier batch that a publish takes out of the table. */
export interface Displacement {
  readonly place: string;
  readonly indexes: readonly number[];
  readonly files: readonly TableFile[];
  readonly rows: number;
}

/** What a publish takes out of the table. */
export interface Gone {
  readonly batches: readonly Displacement[];
  /** Merged files: places of their documents, and paths. */
  readonly merged: readonly { readonly at: string; readonly path: string }[];
}

/** What replace (everything) or delete_insert (the groups that come anew) takes away. */
export async function displacements(store: TableStore, head: Head, { target: { stream } }: Pick<PublishRequest, 'target'>, coming: readonly BatchManifest[]): Promise<Gone> {
  if (stream.write === 'append') return { batches: [], merged: [] };
  const groups = new Set(coming.flatMap(({ files }) => files.map((file) => groupOf(file, stream.by))));
  const goes = (file: TableFile): boolean => stream.write === 'replace' || groups.has(groupOf(file, stream.by));
  const merged = (await mergedFiles(store, head)).filter(({ file }) => goes(file));
  const batches: Displacement[] = [];
  for (const place of head.batches) {
    const manifest = await readManifest(store, place);
    const files = liveFiles(head, place, manifest).filter(goes);
    const parts = merged.flatMap((one) => one.parts.filter((part) => part.place === place));
    if (files.length + parts.length === 0 && stream.write !== 'replace') continue;
    batches.push({ place, files, indexes: files.map((file) => manifest!.files.indexOf(file)), rows: [...files, ...parts].reduce((sum, { rows }) => sum + rows, 0) });
  }
  return { batches, merged: merged.map(({ at, file }) => ({ at, path: file.path })) };
}

const groupOf = ({ values }: TableFile, by: readonly string[] | 'window' | undefined): string =>
  JSON.stringify(Array.isArray(by) ? by.map((name: string) => values[name] ?? null) : []);

/** The head without what is displaced: a batch of which nothing is left is named no more. */
export async function without(store: TableStore, head: Head, gone: Gone): Promise<Pick<Head, 'batches' | 'dropped' | 'moved' | 'merged'>> {
  const dropped: Record<string, readonly number[]> = { ...head.dropped };
  const moved: Record<string, readonly number[]> = { ...head.moved };
  const merged = (await mergedFiles(store, head)).filter(({ at }) => !gone.merged.some((one) => one.at === at));
  const empty = new Set<string>();
  for (const { place, indexes } of gone.batches) {
    dropped[place] = [...(dropped[place] ?? []), ...indexes].sort((left, right) => left - right);
    const left = liveFiles({ ...head, dropped }, place, await readManifest(store, place));
    if (left.length === 0 && !merged.some(({ parts }) => parts.some((part) => part.place === place))) empty.add(place);
  }
  for (const place of empty) {
    delete dropped[place];
    delete moved[place];
  }
  return { batches: head.batches.filter((place) => !empty.has(place)), dropped, ...(head.moved && { moved }), ...(head.merged && { merged: merged.map(({ at }) => at) }) };
}

/** Who took rows of a published batch away, and how many. */
export interface DisplacedBy {
  readonly run: string;
  readonly rows: number;
}

const noteFolder = (place: string): string => `_millrace/displaced/${place.split('/').slice(1).join('/').replace(/\.json$/, '')}`;

/** Written before the head is swapped: a crash after the swap must not make a replaced batch look like one that never was. */
export async function noteDisplaced(store: TableStore, { batches }: Gone, run: string, fence: number): Promise<void> {
  for (const { place, rows } of batches) await store.createOnce(`${noteFolder(place)}/f${fence}.json`, JSON.stringify({ run, rows }));
}

export async function displacedBy(store: TableStore, place: string): Promise<readonly DisplacedBy[]> {
  const texts = await Promise.all((await store.children(noteFolder(place))).map((key) => store.read(key)));
  return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as DisplacedBy]));
}
