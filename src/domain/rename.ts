import type { Drift, Rename } from './contract';

/** How much of a new column's values a missing column had, 0 to 1; null: it could not be looked at. */
export type Overlap = (missing: string, fresh: string) => number | null;

/** From which likeness on a pair is proposed: of names alone, or of values where names tell nothing. */
const alike = 0.5;

/** Missing and new columns of one type that look like one column under another name, the likeliest first; each is proposed once. */
export function withRenames(drift: readonly Drift[], overlap: Overlap): readonly Drift[] {
  const pairs = pairsOf(drift).map(({ missing, fresh }) => ({ missing, fresh, names: likeness(missing.column, fresh.column), values: overlap(missing.column, fresh.column) }))
    .filter(({ names, values }) => names >= alike || (values ?? 0) >= alike)
    .sort((left, right) => right.names + (right.values ?? 0) - left.names - (left.values ?? 0));
  const found = new Map<string, Rename>();
  const taken = new Set<string>();
  for (const { missing, fresh, names, values } of pairs) {
    if (found.has(missing.column) || taken.has(fresh.column)) continue;
    found.set(missing.column, { to: fresh.column, because: [`same type`, `name ${percent(names)} alike`, ...(values === null ? [] : [`${percent(values)} of the sampled values were there`])].join(', ') });
    taken.add(fresh.column);
  }
  return drift.map((one) => (found.has(one.column) ? { ...one, renamed: found.get(one.column)! } : one));
}

/** A missing column and a new one of its type. */
export const pairsOf = (drift: readonly Drift[]): readonly { readonly missing: Drift; readonly fresh: Drift }[] =>
  drift.filter(({ kind }) => kind === 'missing').flatMap((missing) => drift.filter(({ kind, now }) => kind === 'new' && now === missing.before).map((fresh) => ({ missing, fresh })));

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** 1: the same letters and digits; one within the other counts by its share. */
function likeness(left: string, right: string): number {
  const [a, b] = [left, right].map((name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')) as [string, string];
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length >= 3 && long.includes(short)) return Math.max(0.5, short.length / long.length);
  return long.length === 0 ? 0 : 1 - distance(a, b) / long.length;
}

/** Letters to change, add or take away. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_unused, index) => index);
  for (const [at, letter] of [...left].entries()) {
    const next = [at + 1];
    for (const [index, other] of [...right].entries()) next.push(Math.min(next[index]! + 1, row[index + 1]! + 1, row[index]! + (letter === other ? 0 : 1)));
    row = next;
  }
  return row.at(-1)!;
}
