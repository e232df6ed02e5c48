import { asDouble, asReal, canonicalPart, canonicalText, inRange, microsecondsInRange, separator, type Dialect, type Kind, type Place } from './canonical';

/** What is measured of a column besides its count. */
export const measures = ['sum', 'range', 'length', 'none'] as const;
export type Measure = (typeof measures)[number];

/** A column that the fingerprint covers, in the form that it has at the destination. */
export interface ProofColumn {
  readonly name: string;
  readonly kind: Kind;
  readonly measure: Measure;
}

/** What a stream's proof covers: decided at plan, kept with the plan, the ledger row and the receipt. */
export interface ProofPlan {
  readonly columns: readonly ProofColumn[];
  /** Columns that the destination rewrites or a dialect cannot render. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
}

/** Of one column: all values as canonical text; a term that is not measured is absent. */
export interface ColumnFigures {
  readonly name: string;
  readonly count: number;
  readonly nulls: number;
  readonly sum?: string | null;
  readonly min?: string | null;
  readonly max?: string | null;
  /** Of text and bytes: their length in bytes, all rows together. */
  readonly bytes?: string | null;
}

/** Of some rows. The fingerprint is additive: that of two sets of rows is the sum of theirs. */
export interface Figures {
  readonly rows: number;
  readonly fingerprint: string;
  readonly columns: readonly ColumnFigures[];
}

/** How a ledger row says which columns its fingerprint covers: equal texts, equal forms. */
export const proofText = (columns: readonly ProofColumn[]): string => JSON.stringify(columns.map(({ name, kind, measure }) => [name, kind, measure]));
export const proofOfText = (text: string): readonly ProofColumn[] =>
  (JSON.parse(text) as readonly [string, Kind, Measure][]).map(([name, kind, measure]) => ({ name, kind, measure }));

/** A proof column where it lies. */
export type PlacedColumn = ProofColumn & Place;

/** Functions take at most 100 arguments in Postgres. */
const mostArguments = 60;

function rowText(dialect: Dialect, columns: readonly PlacedColumn[]): string {
  let parts = columns.map((column) => canonicalPart(dialect, column.kind, column));
  if (parts.length === 0) return "''";
  if (dialect === 'redshift') return parts.join(` || ${separator} || `);
  while (parts.length > 1) {
    const groups: string[] = [];
    for (let at = 0; at < parts.length; at += mostArguments) groups.push(parts.slice(at, at + mostArguments).join(', '));
    parts = groups.map((group) => `concat_ws(${separator}, ${group})`);
    if (parts.length === 1) break;
  }
  return parts[0]!;
}

/** Columns up to which `md5_number` is worth its longer SQL: that takes 20 ms to prepare at eight columns, and grows with their square. */
const fewColumns = 12;

/**
 * The first 60 bits of md5 over a row's canonical text, as BIGINT. @param many rows: DuckDB then goes by `md5_number`, a tenth cheaper (measured),
 * whose lowest byte is the digest's first, so the first eight are put the other way round; it computes the digest once, however often it stands there.
 */
export function rowHash(dialect: Dialect, columns: readonly PlacedColumn[], many = false): string {
  const text = rowText(dialect, columns);
  if (dialect === 'duckdb' && many && columns.length <= fewColumns) {
    const digest = `CAST(md5_number(${text}) & 18446744073709551615::UHUGEINT AS UBIGINT)`;
    const bytes = Array.from({ length: 7 }, (_unused, at) => `((${digest} >> ${8 * at}) & 255) * ${1n << BigInt(52 - 8 * at)}`);
    return `CAST(${bytes.join(' + ')} + (${digest} >> 60) AS BIGINT)`;
  }
  if (dialect === 'redshift') return `STRTOL(LEFT(MD5(${text}), 15), 16)`;
  return dialect === 'duckdb'
    ? `((CAST(CAST(unhex(left(md5(${text}), 16)) AS BIT) AS BIGINT) >> 4) & 1152921504606846975)`
    : `('x' || left(md5(${text}), 15))::bit(60)::bigint`;
}

/** SUM over rows; 0 of none. */
export const fingerprintSql = (dialect: Dialect, columns: readonly PlacedColumn[], many = false): string => `coalesce(sum(${rowHash(dialect, columns, many)}), 0)`;

/** Beyond this many columns a query has no room for their figures in Postgres (1,664 results); they are counted only. */
const mostMeasured = 300;

const textType = (dialect: Dialect): string => (dialect === 'postgres' ? 'text' : 'VARCHAR');

/** Result columns `rows`, `fingerprint` and, per column, its figures: for `figuresOf`. */
export function figuresSql(dialect: Dialect, columns: readonly PlacedColumn[], many = false): string {
  const text = textType(dialect);
  const terms = columns.flatMap((column, index) => [`CAST(count(${column.sql}) AS ${text}) AS c${index}`, ...(index < mostMeasured ? measured(dialect, column, index) : [])]);
  return [`CAST(count(*) AS ${text}) AS "rows"`, `CAST(${fingerprintSql(dialect, columns, many)} AS ${text}) AS fingerprint`, ...terms].join(', ');
}

function measured(dialect: Dialect, column: PlacedColumn, index: number): readonly string[] {
  switch (column.measure) {
    case 'none': return [];
    case 'length': return [`${lengthOf(dialect, column)} AS b${index}`];
    case 'sum': return [`${sumOf(dialect, column)} AS s${index}`, ...range(dialect, column, index)];
    case 'range': return range(dialect, column, index);
  }
}

function lengthOf(dialect: Dialect, column: PlacedColumn): string {
  if (column.kind === 'bytes') {
    if (dialect !== 'duckdb') return `CAST(sum(octet_length(${column.sql})) AS ${textType(dialect)})`;
    return `CAST(sum(${column.printed ? `(strlen(${column.sql}) - 2) // 2` : `octet_length(${column.sql})`}) AS VARCHAR)`;
  }
  const text = canonicalText(dialect, column.kind, column);
  return dialect === 'duckdb' ? `CAST(sum(strlen(${text})) AS VARCHAR)` : `CAST(sum(octet_length(${text})) AS ${textType(dialect)})`;
}

/** NaN in a numeric has no sum: it is left out in each dialect. */
function numberOf(dialect: Dialect, { sql, type, printed }: PlacedColumn): string {
  if (dialect === 'duckdb') return printed ? `TRY_CAST(${sql} AS ${type})` : sql;
  return dialect === 'postgres' && type.startsWith('numeric') ? `nullif(${sql}, 'NaN')` : sql;
}

function sumOf(dialect: Dialect, column: PlacedColumn): string {
  const sum = `sum(${numberOf(dialect, column)})`;
  if (dialect === 'redshift') return canonicalText(dialect, 'number', { sql: /^decimal/i.test(column.type) ? sum : `CAST(${sum} AS DECIMAL(38,0))`, type: column.type });
  if (dialect === 'postgres') return canonicalText(dialect, 'number', { sql: sum, type: column.type.startsWith('numeric') ? 'numeric' : 'bigint' });
  return canonicalText(dialect, 'number', { sql: sum, type: /INT/.test(column.type) ? 'HUGEINT' : `DECIMAL(38,${/,\s*(\d+)\)/.exec(column.type)?.[1] ?? '0'})` });
}

function range(dialect: Dialect, column: PlacedColumn, index: number): readonly string[] {
  return [`${extreme(dialect, column, 'min')} AS l${index}`, `${extreme(dialect, column, 'max')} AS h${index}`];
}

function extreme(dialect: Dialect, column: PlacedColumn, which: 'min' | 'max'): string {
  const { kind, sql, printed } = column;
  switch (kind) {
    case 'number': return canonicalText(dialect, kind, { sql: `${which}(${numberOf(dialect, column)})`, type: column.type });
    // Adding 0 makes one of −0 and 0, of which either may come out.
    case 'real': case 'double': {
      const value = dialect === 'postgres' ? `${sql}::float8` : kind === 'double' ? asDouble(column) : `CAST(${asReal(column)} AS DOUBLE)`;
      return canonicalText(dialect, 'double', { sql: `(${which}(${value} + 0))`, type: dialect === 'duckdb' ? 'DOUBLE' : 'double precision' });
    }
    case 'timestamp': case 'instant': return `CAST(${which}(${microsecondsInRange(dialect, kind, column)}) AS ${textType(dialect)})`;
    case 'date': return `CAST(${which}(CASE WHEN ${inRange(dialect, kind, column)} THEN ${sql} END) AS ${textType(dialect)})`;
    case 'time': return printed ? `${which}(${sql})` : `CAST(${which}(${sql}) AS ${textType(dialect)})`;
    default: return `CAST(NULL AS ${textType(dialect)})`;
  }
}

/** Reads a result row of `figuresSql`. */
export function figuresOf(row: Readonly<Record<string, string | null>>, columns: readonly ProofColumn[]): Figures {
  const rows = Number(row['rows']);
  return {
    rows, fingerprint: row['fingerprint']!,
    columns: columns.map(({ name }, index) => ({
      name, count: Number(row[`c${index}`]), nulls: rows - Number(row[`c${index}`]),
      ...(`s${index}` in row && { sum: row[`s${index}`]! }),
      ...(`l${index}` in row && { min: row[`l${index}`]!, max: row[`h${index}`]! }),
      ...(`b${index}` in row && { bytes: row[`b${index}`]! }),
    })),
  };
}

export const noFigures = (columns: readonly ProofColumn[]): Figures => ({ rows: 0, fingerprint: '0', columns: columns.map(({ name }) => ({ name, count: 0, nulls: 0 })) });
/** Exact: a fingerprint has more digits than a JS number. */
export const addFingerprints = (left: string, right: string): string => String(BigInt(left) + BigInt(right));
export const subtractFingerprint = (from: string, part: string): string => String(BigInt(from) - BigInt(part));
