import type { Kind } from './canonical';
import type { ColumnFigures, ProofColumn } from './fingerprint';

/** Figures of columns over batches: exact, since canonical numbers are decimal digits. */
export function sumColumns(columns: readonly ProofColumn[], batches: readonly (readonly ColumnFigures[])[]): readonly ColumnFigures[] {
  return columns.map(({ name, kind }, index) => batches.map((figures) => figures[index]).filter((found) => found !== undefined)
    .reduce((left, right) => addColumn(kind, left, right), { name, count: 0, nulls: 0 } as ColumnFigures));
}

const addColumn = (kind: Kind, left: ColumnFigures, right: ColumnFigures): ColumnFigures => ({
  name: left.name, count: left.count + right.count, nulls: left.nulls + right.nulls,
  ...('sum' in right && { sum: either(left.sum, right.sum, addDecimals) }),
  ...('bytes' in right && { bytes: either(left.bytes, right.bytes, addDecimals) }),
  // The bits of floats have no order as text.
  ...('min' in right && kind !== 'real' && kind !== 'double' && { min: either(left.min, right.min, (a, b) => (isLess(kind, b, a) ? b : a)), max: either(left.max, right.max, (a, b) => (isLess(kind, a, b) ? b : a)) }),
});

const either = (left: string | null | undefined, right: string | null | undefined, both: (left: string, right: string) => string): string | null =>
  left == null ? right ?? null : right == null ? left : both(left, right);

const isLess = (kind: Kind, left: string, right: string): boolean =>
  (kind === 'date' || kind === 'time' ? left < right : units(left, scaleOf(left, right)) < units(right, scaleOf(left, right)));

const digitsAfter = (text: string): number => (text.includes('.') ? text.length - text.indexOf('.') - 1 : 0);
const scaleOf = (left: string, right: string): number => Math.max(digitsAfter(left), digitsAfter(right));
const units = (text: string, scale: number): bigint => BigInt(text.replace('.', '') + '0'.repeat(scale - digitsAfter(text)));

/** `1.5` + `-0.25` = `1.25` */
export function addDecimals(left: string, right: string): string {
  const scale = scaleOf(left, right);
  const sum = units(left, scale) + units(right, scale);
  const digits = String(sum < 0n ? -sum : sum).padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`.replace(/\.?0+$/, '');
  return sum < 0n ? `-${text}` : text;
}
