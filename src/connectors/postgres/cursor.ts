import { ConfigurationError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import { nearestTo, typedLiteral, type SourceTable } from './catalog';
import { quoteIdentifier, quoteLiteral } from './quote';

export type Family = 'integer' | 'date' | 'timestamp' | 'timestamptz';

/** A cursor column as SQL sees it. */
export interface Cursor {
  readonly name: string;
  /** Quoted. */
  readonly column: string;
  readonly family: Family;
  readonly nullable: boolean;
  /** Digits of a second that its values have. */
  readonly digits: number;
  /** The stream's `cursor_timezone` as a literal; null: not stated. */
  readonly zone: string | null;
}

export function cursorOf(table: SourceTable, stream: StreamSpec): Cursor {
  const name = stream.cursor!;
  const type = table.types[name];
  const known = Object.keys(table.types);
  if (!type) throw new ConfigurationError(`planning stream "${stream.stream}": there is no cursor column "${name}"; did you mean "${nearestTo(name, known)}"? columns: ${known.join(', ')}`, { stream: stream.stream });
  return {
    name, column: quoteIdentifier(name), family: familyOf(type, stream.stream, name),
    nullable: table.columns.find((column) => column.name === name)?.nullable !== false,
    digits: Number(/\((\d)\)/.exec(type)?.[1] ?? 6),
    zone: stream.cursorTimezone === undefined ? null : quoteLiteral(stream.cursorTimezone),
  };
}

function familyOf(type: string, stream: string, cursor: string): Family {
  const family = knownFamily(type);
  if (family) return family;
  throw new ConfigurationError(`planning stream "${stream}": cursor "${cursor}" is ${type}; a cursor is an integer, a date or a timestamp: choose another column, or use mode: full`, { stream });
}

export function knownFamily(type: string): Family | null {
  if (/^(smallint|integer|bigint)$/.test(type)) return 'integer';
  if (type === 'date') return 'date';
  if (/^timestamp(\(\d\))? without time zone$/.test(type)) return 'timestamp';
  return /^timestamp(\(\d\))? with time zone$/.test(type) ? 'timestamptz' : null;
}

/**
 * A bound as SQL. Wider than the column where it must be: one past the largest smallint is no smallint, and a literal of
 * `timestamp(0)` would be rounded. An index on the column is used all the same, but for bounds beyond bigint.
 */
export const boundLiteral = (family: Family, value: string): string =>
  typedLiteral(value, family === 'integer' ? (beyondBigint(value) ? 'numeric' : 'bigint') : family);

const beyondBigint = (value: string): boolean => BigInt(value) > 2n ** 63n - 1n || BigInt(value) < -(2n ** 63n);

/** `[lower, upper)` as a condition. */
export const windowSql = (column: string, family: Family, lower: string | null, upper: string): string =>
  `${lower === null ? '' : `${column} >= ${boundLiteral(family, lower)} AND `}${column} < ${boundLiteral(family, upper)}`;

/** The next value after `value` that the column can hold. */
export const stepAfter = ({ family, digits }: Cursor, value: string): string =>
  family === 'integer' ? `${value}::numeric + 1` : family === 'date' ? `${value} + 1` : `${value} + interval '${(10 ** -digits).toFixed(digits)} seconds'`;

/** An instant as a value of the cursor that rows written then may still have, never a later one. */
export function atInstant({ family, digits, zone }: Cursor, instant: string, earliest: boolean): string {
  const floored = (value: string) => (digits === 6 ? value : `date_trunc(${digits >= 3 ? "'milliseconds'" : "'second'"}, ${value})`);
  // Without a stated zone a writer's clock may show anything from UTC - 12 h to UTC + 14 h.
  const local = zone ? `(${instant} AT TIME ZONE ${zone})` : `(${instant} AT TIME ZONE 'UTC'${earliest ? " - interval '12 hours'" : family === 'timestamp' ? " + interval '14 hours'" : ''})`;
  switch (family) {
    case 'date': return `${local}::date`;
    case 'timestamp': return floored(local);
    case 'timestamptz': return floored(instant);
    case 'integer': throw new Error('an integer cursor has no clock');
  }
}
