import path from 'node:path';
import { isLive, mergedFiles, readManifest } from './manifest';
import type { Head, MergedFile, TableFile, TableStore } from './table-store';

/** A file of the table, with who names it and whose rows it holds. */
export interface Piece {
  readonly file: TableFile;
  readonly from: { readonly kind: 'batch'; readonly place: string; readonly index: number } | { readonly kind: 'merged'; readonly place: string };
  readonly parts: MergedFile['parts'];
}

/** All files that readers read, in the order of the table. */
export async function piecesOf(store: TableStore, head: Head): Promise<readonly Piece[]> {
  const pieces: Piece[] = (await mergedFiles(store, head)).map(({ at, file, parts }) => ({ file, parts, from: { kind: 'merged', place: at } }));
  for (const place of head.batches) {
    const manifest = await readManifest(store, place);
    for (const [index, file] of manifest?.files.entries() ?? []) {
      if (isLive(head, place, index)) pieces.push({ file, parts: [{ place, number: manifest!.number, rows: file.rows }], from: { kind: 'batch', place, index } });
    }
  }
  return pieces;
}

/** Whether a head that may be newer still has it. */
export const isStillThere = (head: Head, { from }: Piece): boolean =>
  (from.kind === 'merged' ? head.merged?.includes(from.place) === true : head.batches.includes(from.place) && isLive(head, from.place, from.index));

/**
 * Small files of one folder, two or more together, up to about the size aimed at. A file of half that size is no longer small: so each row is
 * rewritten a few times at most, however often this is called.
 */
export function groupsOf(pieces: readonly Piece[], fileSize: number): readonly (readonly Piece[])[] {
  const groups: Piece[][] = [];
  const open = new Map<string, { group: Piece[]; bytes: number }>();
  for (const piece of pieces.filter(({ file }) => file.bytes < fileSize / 2)) {
    const folder = path.dirname(piece.file.path);
    const there = open.get(folder);
    if (there && there.bytes + piece.file.bytes <= fileSize) {
      there.group.push(piece);
      there.bytes += piece.file.bytes;
    } else {
      const group = [piece];
      groups.push(group);
      open.set(folder, { group, bytes: piece.file.bytes });
    }
  }
  return groups.filter((group) => group.length > 1);
}
