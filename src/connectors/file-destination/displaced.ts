import type { PublishRequest } from '../connector';
import { liveFiles, readManifest } from './manifest';
import type { BatchManifest, Head, TableFile, TableStore } from './table-store';

/** Files of one earlier batch that a publish takes out of the table. */
export interface Displacement {
  readonly place: string;
  readonly indexes: readonly number[];
  readonly files: readonly TableFile[];
  readonly rows: number;
}

/** What replace (everything) or delete_insert (the groups that come anew) takes away. */
export async function displacements(store: TableStore, head: Head, { target: { stream } }: Pick<PublishRequest, 'target'>, coming: readonly BatchManifest[]): Promise<readonly Displacement[]> {
  if (stream.write === 'append') return [];
  const groups = new Set(coming.flatMap(({ files }) => files.map((file) => groupOf(file, stream.by))));
  const goes = (file: TableFile): boolean => stream.write === 'replace' || groups.has(groupOf(file, stream.by));
  const found: Displacement[] = [];
  for (const place of head.batches) {
    const manifest = await readManifest(store, place);
    const files = liveFiles(head, place, manifest).filter(goes);
    if (files.length > 0 || stream.write === 'replace') found.push({ place, files, indexes: files.map((file) => manifest!.files.indexOf(file)), rows: files.reduce((sum, { rows }) => sum + rows, 0) });
  }
  return found;
}

const groupOf = ({ values }: TableFile, by: readonly string[] | 'window' | undefined): string =>
  JSON.stringify(Array.isArray(by) ? by.map((name: string) => values[name] ?? null) : []);

/** The head without what is displaced: a batch of which nothing is left is named no more. */
export async function without(store: TableStore, head: Head, gone: readonly Displacement[]): Promise<Pick<Head, 'batches' | 'dropped'>> {
  const dropped: Record<string, readonly number[]> = { ...head.dropped };
  const empty = new Set<string>();
  for (const { place, indexes } of gone) {
    dropped[place] = [...(dropped[place] ?? []), ...indexes].sort((left, right) => left - right);
    if (dropped[place].length === ((await readManifest(store, place))?.files.length ?? 0)) empty.add(place);
  }
  for (const place of empty) delete dropped[place];
  return { batches: head.batches.filter((place) => !empty.has(place)), dropped };
}

/** Who took rows of a published batch away, and how many. */
export interface DisplacedBy {
  readonly run: string;
  readonly rows: number;
}

const noteFolder = (place: string): string => `_millrace/displaced/${place.split('/').slice(1).join('/').replace(/\.json$/, '')}`;

/** Written before the head is swapped: a crash after the swap must not make a replaced batch look like one that never was. */
export async function noteDisplaced(store: TableStore, gone: readonly Displacement[], run: string, fence: number): Promise<void> {
  for (const { place, rows } of gone) await store.createOnce(`${noteFolder(place)}/f${fence}.json`, JSON.stringify({ run, rows }));
}

export async function displacedBy(store: TableStore, place: string): Promise<readonly DisplacedBy[]> {
  const texts = await Promise.all((await store.children(noteFolder(place))).map((key) => store.read(key)));
  return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as DisplacedBy]));
}
