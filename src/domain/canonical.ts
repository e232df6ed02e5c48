/**
 * How a value is written as canonical text, so that the same row has the same fingerprint wherever it lies (semantics 10). The one
 * table; the SQL for each dialect comes from it. A row is its values in order, joined by `separator`, NULL as `nullMark`.
 */
export const separator = 'chr(31)';
export const nullMark = "'\\N'";

export const kinds = ['boolean', 'number', 'real', 'double', 'text', 'padded', 'uuid', 'bytes', 'date', 'time', 'timestamp', 'instant', 'own', 'nested'] as const;
export type Kind = (typeof kinds)[number];
export const dialects = ['duckdb', 'postgres', 'redshift'] as const;
export type Dialect = (typeof dialects)[number];

/** A column as one dialect has it. */
export interface Place {
  /** Quoted. */
  readonly sql: string;
  /** The dialect's own type: `DECIMAL(18,3)`, `numeric(18,3)`. */
  readonly type: string;
  /** DuckDB alone: the value is text as Postgres prints it in COPY, `type` what it stands for. */
  readonly printed?: boolean;
}

interface Form {
  /** For docs. */
  readonly means: string;
  /** The text may hold any character, so it is escaped. */
  readonly free: boolean;
  readonly duckdb: (place: Place) => string;
  readonly postgres: (place: Place) => string;
  /** Absent: Redshift cannot write it, and such columns are left out there. */
  readonly redshift?: (place: Place) => string;
}

/** The type's output function, whatever casts to text there are: inet and char(n) have one of their own. A row with empty fields is not NULL. */
const output = ({ sql, type }: Place): string => (type === 'text' || type.startsWith('character varying') ? sql : `CASE WHEN num_nonnulls(${sql}) = 1 THEN format('%s', ${sql}) END`);
const castText = ({ sql }: Place): string => `CAST(${sql} AS VARCHAR)`;
const isText = ({ type, printed }: Place): boolean => printed === true || type === 'VARCHAR';
const asText = (place: Place): string => (isText(place) ? place.sql : castText(place));
/** Most numbers do not end in a zero, and trimming is three times what the rest of a number costs (measured). */
const withoutZeros = (text: string): string => `CASE WHEN suffix(${text}, '0') AND contains(${text}, '.') THEN rtrim(rtrim(${text}, '0'), '.') ELSE ${text} END`;

const decimal = /^(DECIMAL|NUMERIC)\(\d+, ?(\d+)\)$/i;
const isWhole = ({ type }: Place): boolean => /INT/.test(type) || decimal.exec(type)?.[2] === '0';

/** 64 or 32 bits as hex; −0 keeps its sign, every NaN is one mark. */
const doubleBits = (value: string): string => `CASE WHEN isnan(${value}) THEN 'nan' ELSE lpad(lower(to_hex(CAST(CAST(${value} AS BIT) AS BIGINT))), 16, '0') END`;
const realBits = (value: string): string => `CASE WHEN isnan(${value}) THEN 'nan' ELSE right(lpad(lower(to_hex(CAST(CAST(${value} AS BIT) AS INTEGER))), 16, '0'), 8) END`;
/** A FLOAT reaches a double precision column as its text, which is not the same as widening its bits. */
export const asDouble = (place: Place): string => (place.type === 'DOUBLE' && !place.printed ? place.sql : `CAST(${asText(place)} AS DOUBLE)`);
export const asReal = (place: Place): string => (place.type === 'FLOAT' && !place.printed ? place.sql : `CAST(${asText(place)} AS FLOAT)`);

/** Years 1 to 9999: what every dialect can turn into microseconds. Beyond it, and infinity, stay ISO text as Postgres prints it. */
const firstYear = '0001-01-01 00:00:00';
const lastYear = '10000-01-01 00:00:00';
const isoOfDuckdb = (place: Place): string => `regexp_replace(${castText(place)}, '^(\\S+) \\(BC\\)(.*)$', '\\1\\2 BC')`;

/** The condition that an instant or a timestamp can be counted in microseconds. */
export function inRange(dialect: Dialect, kind: 'timestamp' | 'instant' | 'date', place: Place): string {
  const { sql } = place;
  if (place.printed) return kind === 'date' ? `strlen(${sql}) = 10` : `substr(${sql}, 5, 1) = '-' AND ${kind === 'instant' ? `suffix(${sql}, '+00')` : `NOT suffix(${sql}, 'BC')`}`;
  if (kind === 'date') return dialect === 'duckdb' ? `${sql} >= DATE '0001-01-01' AND ${sql} < DATE '10000-01-01'` : `${sql} >= date '0001-01-01' AND ${sql} < date '10000-01-01'`;
  const type = kind === 'instant' ? 'TIMESTAMPTZ' : 'TIMESTAMP';
  const zone = kind === 'instant' ? '+00' : '';
  return `${sql} >= ${type} '${firstYear}${zone}' AND ${sql} < ${type} '${lastYear}${zone}'`;
}

/** Microseconds since 1970 as BIGINT, of a value that is in range. */
function microseconds(dialect: Dialect, kind: 'timestamp' | 'instant', { sql, printed }: Place): string {
  if (dialect === 'postgres') return `(extract(epoch FROM ${sql}) * 1000000)::bigint`;
  if (dialect === 'redshift') return `DATEDIFF(microsecond, TIMESTAMP '1970-01-01 00:00:00', ${sql}${kind === 'instant' ? " AT TIME ZONE 'UTC'" : ''})`;
  if (!printed) return `epoch_us(${sql})`;
  // A zone that is printed is +00, which the cast takes for UTC (verified).
  return `epoch_us(CAST(${sql} AS TIMESTAMP))`;
}

/** NULL where it is out of range. One and the same words for text, minimum and maximum: DuckDB then reads a timestamp once, not three times. */
export const microsecondsInRange = (dialect: Dialect, kind: 'timestamp' | 'instant', place: Place): string =>
  `CASE WHEN ${inRange(dialect, kind, place)} THEN ${microseconds(dialect, kind, place)} END`;

const time = (kind: 'timestamp' | 'instant'): Form => ({
  means: `microseconds since 1970${kind === 'instant' ? ' UTC' : ''}; outside the years 1 to 9999, ISO text`, free: false,
  duckdb: (place) => `coalesce(CAST(${microsecondsInRange('duckdb', kind, place)} AS VARCHAR), ${place.printed ? place.sql : isoOfDuckdb(place)})`,
  postgres: (place) => `CASE WHEN ${inRange('postgres', kind, place)} THEN ${microseconds('postgres', kind, place)}::text ELSE ${place.sql}::text END`,
  // It is never given others.
  redshift: (place) => `CAST(${microseconds('redshift', kind, place)} AS VARCHAR)`,
});

export const forms: Readonly<Record<Kind, Form>> = {
  boolean: {
    means: 't or f', free: false,
    duckdb: (place) => (isText(place) ? place.sql : `CASE WHEN ${place.sql} THEN 't' WHEN NOT ${place.sql} THEN 'f' END`),
    postgres: ({ sql }) => `CASE WHEN ${sql} THEN 't' WHEN NOT ${sql} THEN 'f' END`,
    redshift: ({ sql }) => `CASE WHEN ${sql} THEN 't' WHEN NOT ${sql} THEN 'f' END`,
  },
  number: {
    means: 'decimal digits without trailing zeros', free: false,
    duckdb: (place) => (isWhole(place) ? asText(place) : withoutZeros(asText(place))),
    postgres: ({ sql, type }) => (type.startsWith('numeric') ? `trim_scale(${sql})::text` : `${sql}::text`),
    redshift: (place) => (Number(decimal.exec(place.type)?.[2] ?? 0) > 0 ? `RTRIM(RTRIM(${castText(place)}, '0'), '.')` : castText(place)),
  },
  real: {
    means: '32 bits in hex; NaN is nan', free: false,
    duckdb: (place) => realBits(asReal(place)),
    postgres: ({ sql }) => `CASE WHEN ${sql} = 'NaN' THEN 'nan' ELSE encode(float4send(${sql}), 'hex') END`,
  },
  double: {
    means: '64 bits in hex; NaN is nan', free: false,
    duckdb: (place) => doubleBits(asDouble(place)),
    postgres: ({ sql }) => `CASE WHEN ${sql} = 'NaN' THEN 'nan' ELSE encode(float8send(${sql}), 'hex') END`,
  },
  text: { means: 'itself', free: true, duckdb: asText, postgres: output, redshift: ({ sql }) => sql },
  padded: { means: 'itself without the spaces it is padded with', free: true, duckdb: (place) => `rtrim(${asText(place)}, ' ')`, postgres: ({ sql }) => `rtrim(${sql}::text, ' ')`, redshift: ({ sql }) => `RTRIM(${sql})` },
  uuid: { means: 'lower-case hex with hyphens', free: false, duckdb: asText, postgres: ({ sql }) => `${sql}::text`, redshift: ({ sql }) => sql },
  bytes: {
    means: 'lower-case hex', free: false,
    duckdb: (place) => (isText(place) ? `substr(${place.sql}, 3)` : `lower(hex(${place.sql}))`),
    postgres: ({ sql }) => `encode(${sql}, 'hex')`,
    redshift: ({ sql }) => `LOWER(TO_HEX(${sql}))`,
  },
  date: {
    means: 'ISO text', free: false,
    duckdb: (place) => (isText(place) ? place.sql : `CASE WHEN ${place.sql} >= DATE '0001-01-01' THEN ${castText(place)} ELSE replace(${castText(place)}, ' (BC)', ' BC') END`),
    postgres: ({ sql }) => `${sql}::text`,
    redshift: castText,
  },
  time: { means: 'ISO text', free: false, duckdb: asText, postgres: ({ sql }) => `${sql}::text` },
  timestamp: time('timestamp'),
  instant: time('instant'),
  own: { means: 'text as the source\'s type prints it', free: true, duckdb: asText, postgres: output },
  nested: { means: 'DuckDB\'s text', free: true, duckdb: castText, postgres: output },
};

/** Text of a value; the same in each dialect. NULL stays NULL. */
export function canonicalText(dialect: Dialect, kind: Kind, place: Place): string {
  const form = forms[kind][dialect];
  if (!form) throw new Error(`writing a value of kind ${kind} in ${dialect}: it cannot; its column is to be left out of the proof`);
  return form(place);
}

/**
 * As part of a row. Only text that holds the separator or starts with a backslash is written otherwise, and such text starts with one more:
 * so no value looks like NULL or like two values, and all others cost a look.
 */
export function canonicalPart(dialect: Dialect, kind: Kind, place: Place): string {
  const text = canonicalText(dialect, kind, place);
  if (dialect === 'redshift') return redshiftPart(text, forms[kind].free);
  if (!forms[kind].free) return `coalesce(${text}, ${nullMark})`;
  const found = dialect === 'duckdb' ? `contains(${text}, ${separator}) OR starts_with(${text}, '\\')` : `strpos(${text}, ${separator}) > 0 OR left(${text}, 1) = '\\'`;
  return `CASE WHEN ${found} THEN '\\' || replace(replace(${text}, '\\', '\\\\'), ${separator}, '\\u') ELSE coalesce(${text}, ${nullMark}) END`;
}

/** Redshift's literals take a backslash for an escape, so it is written by its number. */
function redshiftPart(text: string, free: boolean): string {
  const backslash = 'CHR(92)';
  const whole = `COALESCE(${text}, ${backslash} || 'N')`;
  if (!free) return whole;
  return `CASE WHEN STRPOS(${text}, ${separator}) > 0 OR LEFT(${text}, 1) = ${backslash} THEN ${backslash} || REPLACE(REPLACE(${text}, ${backslash}, ${backslash} || ${backslash}), ${separator}, ${backslash} || 'u') ELSE ${whole} END`;
}
