/** Values of the compared columns as text, NULL as null. */
export type Row = readonly (string | null)[];

/** A row that is missing, one too many, or one that is there with other values. */
export interface Difference {
  readonly kind: 'missing' | 'unexpected' | 'differs';
  readonly expected: Row | null;
  readonly actual: Row | null;
}

/** Rows against rows, in any order, each once. What is left on both sides is paired by likeness, so that a wrong value shows as one. */
export function compareRows(expected: readonly Row[], actual: readonly Row[], columns: readonly string[]): readonly Difference[] {
  const left = [...actual];
  const missing = expected.filter((row) => {
    const at = left.findIndex((other) => alike(row, other) === columns.length);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const differences = missing.map((row): Difference => {
    const best = left.reduce((found, other, at) => (alike(row, other) > (found < 0 ? 0 : alike(row, left[found]!)) ? at : found), -1);
    return best < 0 ? { kind: 'missing', expected: row, actual: null } : { kind: 'differs', expected: row, actual: left.splice(best, 1)[0]! };
  });
  return [...differences, ...left.map((row): Difference => ({ kind: 'unexpected', expected: null, actual: row }))];
}

/** How many columns have the same value. */
const alike = (row: Row, other: Row): number => row.filter((value, index) => value === other[index]).length;
