import { ConfigurationError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { SourceTable } from './source-table';

export type Family = 'integer' | 'date' | 'timestamp' | 'timestamptz';

/** A cursor column as SQL sees it. Instants are reckoned as moments in UTC, by functions that Redshift has for them. */
export interface Cursor {
  readonly name: string;
  /** Quoted. */
  readonly column: string;
  readonly family: Family;
  readonly nullable: boolean;
  /** The stream's `cursor_timezone` as a literal; null: not stated. */
  readonly zone: string | null;
}

export function familyOf(type: string): Family | null {
  if (/^(smallint|integer|bigint)$/.test(type)) return 'integer';
  return type === 'date' || type === 'timestamp' || type === 'timestamptz' ? type : null;
}

export function cursorOf(table: SourceTable, { stream, cursor, cursorTimezone }: StreamSpec): Cursor {
  const name = cursor!;
  const type = table.types[name];
  if (!type) throw new ConfigurationError(`planning stream "${stream}": there is no cursor column "${name}"; columns: ${Object.keys(table.types).join(', ')}`, { stream });
  const family = familyOf(type);
  if (family === null) throw new ConfigurationError(`planning stream "${stream}": cursor "${name}" is ${type}; a cursor is an integer, a date or a timestamp: choose another column, or use mode: full`, { stream });
  return { name, column: quoteIdentifier(name), family, nullable: table.columns.find((column) => column.name === name)?.nullable !== false, zone: cursorTimezone === undefined ? null : quoteLiteral(cursorTimezone) };
}

const longest = 2n ** 63n - 1n;
/** A value of the cursor as SQL: one past the largest bigint is no bigint. */
export const literal = (family: Family, value: string): string =>
  `CAST(${quoteLiteral(value)} AS ${family !== 'integer' ? family : BigInt(value) > longest || BigInt(value) < -longest - 1n ? 'DECIMAL(38,0)' : 'BIGINT'})`;

/** `[lower, upper)` as a condition. */
export const windowSql = ({ column, family }: Pick<Cursor, 'column' | 'family'>, lower: string | null, upper: string): string =>
  `${lower === null ? '' : `${column} >= ${literal(family, lower)} AND `}${column} < ${literal(family, upper)}`;

/** A value of the column, or a literal, as it is reckoned with. */
export const reckoned = (family: Family, sql: string): string => (family === 'timestamptz' ? `(${sql} AT TIME ZONE 'UTC')` : family === 'integer' ? `CAST(${sql} AS DECIMAL(38,0))` : sql);
/** What was reckoned, as text of the cursor's type. */
export const told = (family: Family, sql: string): string => (family === 'timestamptz' ? `CAST(${sql} AS VARCHAR) || '+00'` : `CAST(${sql} AS VARCHAR)`);

/** The next value that the column can hold after a reckoned one. */
export const stepAfter = (family: Family, sql: string): string => (family === 'integer' || family === 'date' ? `${sql} + 1` : `DATEADD(microsecond, 1, ${sql})`);

/** A moment in UTC, as a value of the cursor that rows written then may still have, never a later one. */
export function atMoment({ family, zone }: Cursor, moment: string): string {
  // Without a stated zone a writer's clock may show up to UTC + 14 h.
  const local = zone ? `CONVERT_TIMEZONE('UTC', ${zone}, ${moment})` : family === 'timestamp' ? `DATEADD(hour, 14, ${moment})` : moment;
  return family === 'date' ? `CAST(${local} AS DATE)` : family === 'timestamptz' ? moment : local;
}

/** An ISO instant as a moment in UTC. */
export const momentOf = (instant: string): string => `CAST(${quoteLiteral(instant.replace('T', ' ').replace('Z', ''))} AS TIMESTAMP)`;
