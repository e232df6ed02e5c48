import type { PublishReceipt } from './receipt';

const rows = (count: number): string => `${count} row${count === 1 ? '' : 's'}`;

/** What a merge did not write, and why: `deduplicated` alone does not tell a key that came twice from a row that has not changed. */
export function mergeNotes({ losers, stale, order }: { readonly losers: number; readonly stale: number; readonly order: string | null }): readonly string[] {
  return [
    ...(losers > 0 ? [`${rows(losers)} had a key that came more than once in what was read; of each key the ${order ? `newest${order.startsWith('_millrace') ? '' : ` by "${order}"`}` : 'last one read'} is kept, the others are counted as deduplicated`] : []),
    ...(stale > 0 ? [`${rows(stale)} matched what the table has already${order ? ', or a newer version of it' : ''}: nothing was written, counted as deduplicated`] : []),
  ];
}

const reasons: Readonly<Record<string, string>> = {
  merge: 'had a key that came more than once in what was read, or matched what the table has already, or a newer version of it: counted as deduplicated',
  append: 'matched what the table has already, by key and cursor: counted as deduplicated',
  scd2: 'brought a version that is there already, or that changes nothing: counted as deduplicated',
};

/** What a publish says of itself, else what its write means by `deduplicated`. */
export function notesOfPublish(write: string, { notes, deduplicated }: Pick<PublishReceipt, 'notes' | 'deduplicated'>): readonly string[] {
  const told = notes ?? [];
  return deduplicated === 0 || reasons[write] === undefined || told.some((note) => note.includes('deduplicated')) ? told : [...told, `${rows(deduplicated)} ${reasons[write]}`];
}
