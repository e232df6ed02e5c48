import { ConfigurationError } from '../domain/errors';
import { quoteLiteral } from '../transforms/quote';

/** How one text value becomes a typed one, or why it cannot: SQL over `text`, which is NULL where the value is. */
export interface Fit {
  /** True where the value would be lost or altered by the type; false for NULL. */
  readonly misfit: string;
  readonly value: string;
  /** Follows the column's name. */
  readonly reason: string;
  /** Conditions of which one is true unless the given value fits for sure: they cost next to nothing, where `misfit` may look at every character. Absent: it fits, where there is a value. */
  readonly doubts?: (value: string) => readonly string[];
}

const typePattern = /^[a-z][a-z0-9_ ]*(\(\s*\d+\s*(,\s*\d+\s*)?\))?(\s*\[\d*\])*$/i;

/** A type cannot be quoted, so it is only let into SQL where it looks like one. */
export function typeSql(type: string): string {
  if (typePattern.test(type)) return type;
  throw new ConfigurationError(`reading a column as "${type}": this is not a DuckDB type; write for example BIGINT, DECIMAL(18,2) or VARCHAR`, { type });
}

/**
 * DuckDB's own casts are generous: '1.5' becomes the BIGINT 2, '2024-01-01 10:00' the DATE without its time, an offset is
 * dropped by TIMESTAMP, '1e400' is infinite. Here a value either keeps its whole meaning or does not fit.
 * @param exponents whether the text is as it was written, so that 1.25E7 may be a DECIMAL: the JSON reader writes numbers that it has rounded in that way.
 */
export function fitOf(text: string, type: string, exponents = false): Fit {
  const name = baseOf(type);
  if (name === 'VARCHAR') return { misfit: whereGiven(text, `contains(${text}, chr(0))`), value: text, reason: 'has a NUL byte', doubts: () => [`contains(${text}, chr(0))`] };
  const cast = `TRY_CAST(${text} AS ${typeSql(type)})`;
  const strict = strictness(name, text, cast, type, exponents);
  return { misfit: whereGiven(text, [`${cast} IS NULL`, ...strict].join(' OR ')), value: cast, reason: `is not a ${type} value, or not one that exists`, doubts: (value) => doubtsOf(name, text, value, type) };
}

/**
 * Whether a value fits must be looked into, as SQL that may be NULL where there is none; `value` is the column that holds what the fit makes of the text. In a
 * form that DuckDB goes through column by column: each AND or OR below the outermost OR costs as much as the check itself (measured).
 */
export const doubted = ({ doubts }: Fit, text: string, value: string): string =>
  [`(${value} IS NULL) <> (${text} IS NULL)`, ...(doubts?.(value) ?? [])].join(' OR ');

const whereGiven = (text: string, condition: string): string => `(${text} IS NOT NULL AND (${condition}))`;

export const baseOf = (type: string): string => {
  const name = type.toUpperCase().replace(/\(.*$/, '').trim();
  return aliases[name] ?? name;
};

const aliases: Readonly<Record<string, string>> = {
  TEXT: 'VARCHAR', STRING: 'VARCHAR', CHAR: 'VARCHAR', BPCHAR: 'VARCHAR', INT: 'INTEGER', INT4: 'INTEGER', INT8: 'BIGINT', LONG: 'BIGINT', INT2: 'SMALLINT', INT1: 'TINYINT',
  FLOAT8: 'DOUBLE', FLOAT4: 'FLOAT', REAL: 'FLOAT', NUMERIC: 'DECIMAL', TIMESTAMPTZ: 'TIMESTAMP WITH TIME ZONE', DATETIME: 'TIMESTAMP', BOOL: 'BOOLEAN', LOGICAL: 'BOOLEAN',
};

const integerTypes = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT']);
export const isInteger = (type: string): boolean => integerTypes.has(baseOf(type));

const clock = String.raw`\d{1,2}:\d{2}(:\d{2}(\.\d{0,6}0*)?)?`;
const day = String.raw`\d{4,6}-\d{1,2}-\d{1,2}`;
const endless = '-?infinity';
const matches = (text: string, pattern: string): string => `regexp_full_match(${text}, ${quoteLiteral(String.raw`\s*(${pattern})\s*`)})`;

function strictness(name: string, text: string, cast: string, type: string, exponents: boolean): readonly string[] {
  if (integerTypes.has(name)) return [`NOT ${matches(text, String.raw`[+-]?\d+`)}`];
  switch (name) {
    case 'DECIMAL': return [`NOT (${matches(text, String.raw`[+-]?\d*(\.\d{0,${scaleOf(type)}}0*)?`)}${exponents ? ` OR ${fitsWithExponent(text, scaleOf(type))}` : ''})`];
    case 'DOUBLE': case 'FLOAT': return [`(isinf(${cast}) AND NOT contains(lower(${text}), 'inf'))`, roundedInteger(text, cast)];
    case 'DATE': return [`contains(${text}, ':')`];
    case 'TIMESTAMP': return [`NOT ${matches(text, `${day}([ T]${clock})?|${endless}`)}`];
    case 'TIMESTAMP WITH TIME ZONE': return [`NOT ${matches(text, `${day}([ T]${clock}\\s*(Z|UTC|[+-]\\d{2}(:?\\d{2})?)?)?|${endless}`)}`];
    default: return [];
  }
}

/** A number as computers print large and small ones, such as 1.25E7; `1.5e-7` where there are eight places. */
const fitsWithExponent = (text: string, scale: number): string =>
  `(${matches(text, String.raw`[+-]?\d+(\.\d+)?[eE][+-]?\d{1,3}`)} AND length(rtrim(regexp_extract(${text}, '\\.(\\d*)', 1), '0')) - TRY_CAST(regexp_extract(${text}, '[eE]([+-]?\\d+)', 1) AS INTEGER) <= ${scale})`;

/** Each stands for a pattern of `strictness`; all are false for what is mostly written. */
function doubtsOf(name: string, text: string, value: string, type: string): readonly string[] {
  if (integerTypes.has(name)) return [`CAST(${value} AS VARCHAR) <> ${text}`];
  switch (name) {
    case 'DECIMAL': return [`(strpos(${text}, '.') > 0 AND strlen(${text}) - strpos(${text}, '.') > ${scaleOf(type)})`, ...['e', 'E', '_'].map((letter) => `contains(${text}, '${letter}')`)];
    case 'DOUBLE': case 'FLOAT': return [`strlen(${text}) > 15`, `isinf(${value})`];
    case 'DATE': return [`contains(${text}, ':')`];
    case 'TIMESTAMP': return [`CAST(${value} AS VARCHAR) <> replace(${text}, 'T', ' ')`];
    case 'TIMESTAMP WITH TIME ZONE': return [`NOT ends_with(${text}, 'Z')`, `CAST(CAST(${value} AS TIMESTAMP) AS VARCHAR) || 'Z' <> replace(${text}, 'T', ' ')`];
    default: return [];
  }
}

const scaleOf = (type: string): number => Number(/,\s*(\d+)/.exec(type)?.[1] ?? (/\(/.test(type) ? 0 : 3));

/** An integer beyond 2^53 that a double cannot hold exactly. */
const roundedInteger = (text: string, cast: string): string =>
  `(length(${text}) > 15 AND coalesce(TRY_CAST(CASE WHEN ${matches(text, String.raw`[+-]?\d+`)} THEN ${text} END AS HUGEINT) <> TRY_CAST(${cast} AS HUGEINT), false))`;
