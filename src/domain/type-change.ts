import type { Column } from './column';

type Typed = Pick<Column, 'type' | 'sourceType'>;

/** Signed integers by width; unsigned ones fit the next wider signed one. */
const integers = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'];
const digitsOf: Readonly<Record<string, number>> = { TINYINT: 3, SMALLINT: 5, INTEGER: 10, BIGINT: 19, HUGEINT: 39, UTINYINT: 3, USMALLINT: 5, UINTEGER: 10, UBIGINT: 20 };
const signedFor: Readonly<Record<string, string>> = { UTINYINT: 'SMALLINT', USMALLINT: 'INTEGER', UINTEGER: 'BIGINT', UBIGINT: 'HUGEINT' };

/** How a column's type reads: the source's own word where it has one. */
export const typeWords = ({ type, sourceType }: Typed): string => sourceType?.type ?? type;

export const sameType = (left: Typed, right: Typed): boolean => left.type === right.type && left.sourceType?.type === right.sourceType?.type;

/** Whether every value of `narrow` is a value of `wide`, written the same way: an integer is no double, a date no timestamp. */
export function holdsType(wide: Typed, narrow: Typed): boolean {
  if (sameType(wide, narrow)) return true;
  if (wide.type === 'VARCHAR' && wide.sourceType === undefined) return narrow.type === 'VARCHAR' && (narrow.sourceType === undefined || isText(narrow));
  if (isUnboundedNumeric(wide)) return isNumber(narrow);
  if (wide.type === 'VARCHAR' && narrow.type === 'VARCHAR') return holdsOwn(typeWords(wide), typeWords(narrow));
  if (wide.sourceType !== undefined || narrow.sourceType !== undefined) return wide.type === narrow.type && precisionOf(wide) >= precisionOf(narrow);
  return holdsNumber(wide.type, narrow.type) || (wide.type === 'DOUBLE' && narrow.type === 'FLOAT');
}

const isText = ({ sourceType }: Typed): boolean => /^character varying(\(\d+\))?$/.test(sourceType?.type ?? '');
const isUnboundedNumeric = ({ type, sourceType }: Typed): boolean => type === 'VARCHAR' && sourceType?.type === 'numeric';
const isNumber = ({ type, sourceType }: Typed): boolean => type in digitsOf || type.startsWith('DECIMAL') || /^numeric\b/.test(sourceType?.type ?? '');

/** Types that travel as text: `character varying(10)` in `character varying(20)`, `numeric(40,2)` in `numeric(50,3)`. */
function holdsOwn(wide: string, narrow: string): boolean {
  const [stem, room] = sizeOf(wide);
  const [other, size] = sizeOf(narrow);
  if (stem !== other || size === null) return false;
  if (room === null) return true;
  return stem === 'numeric' ? room[1] >= size[1] && room[0] - room[1] >= size[0] - size[1] : stem === 'character varying' && room[0] >= size[0];
}

function sizeOf(type: string): readonly [string, readonly [number, number] | null] {
  const [, stem, first, second] = /^(.*?)\((\d+)(?:,(\d+))?\)$/.exec(type) ?? [];
  return stem === undefined ? [type, null] : [stem, [Number(first), Number(second ?? 0)]];
}

/** Digits of a second that a time keeps: `timestamp(3) without time zone`. */
const precisionOf = ({ sourceType }: Typed): number => (sourceType === undefined ? 6 : Number(/\((\d)\)/.exec(sourceType.type)?.[1] ?? -1));

function holdsNumber(wide: string, narrow: string): boolean {
  const signed = signedFor[narrow] ?? narrow;
  if (integers.includes(wide) && integers.includes(signed)) return integers.indexOf(wide) >= integers.indexOf(signed);
  const room = decimalOf(wide);
  if (room === null) return false;
  const size = decimalOf(narrow) ?? (digitsOf[narrow] === undefined ? null : { digits: digitsOf[narrow]!, scale: 0 });
  return size !== null && room.scale >= size.scale && room.digits - room.scale >= size.digits - size.scale;
}

function decimalOf(type: string): { readonly digits: number; readonly scale: number } | null {
  const [, digits, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(type) ?? [];
  return digits === undefined ? null : { digits: Number(digits), scale: Number(scale) };
}

/** Whether it can be told that a value fits: a type of the source's own that travels as text keeps its rules to itself. */
export const isJudgeable = ({ type, sourceType }: Typed): boolean =>
  sourceType === undefined || type !== 'VARCHAR' || /^character varying(\(\d+\))?$/.test(sourceType.type);
