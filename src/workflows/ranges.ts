import type { Range } from './messages';

export const contains = (ranges: readonly Range[], ordinal: number): boolean => ranges.some(([first, last]) => first <= ordinal && ordinal <= last);

/** Adds one ordinal; neighbours melt together. */
export function withOrdinal(ranges: readonly Range[], ordinal: number): readonly Range[] {
  const sorted = [...ranges, [ordinal, ordinal] as Range].sort(([left], [right]) => left - right);
  const melted: [number, number][] = [];
  for (const [first, last] of sorted) {
    const before = melted.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else melted.push([first, last]);
  }
  return melted;
}

export const countOf = (ranges: readonly Range[]): number => ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);

export const without = (ranges: readonly Range[], ordinal: number): readonly Range[] => ranges.flatMap(([first, last]): Range[] => (
  first <= ordinal && ordinal <= last ? [...(first < ordinal ? [[first, ordinal - 1] as Range] : []), ...(ordinal < last ? [[ordinal + 1, last] as Range] : [])] : [[first, last]]));
