import type { Column } from '../../domain/column';

/** The longest text and the longest bytes that a column of Redshift holds. */
export const longestText = 65_535;
export const longestBytes = 1_024_000;

/** Types with an exact equal, or text that says all. DuckDB → Redshift. */
const equals: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean', TINYINT: 'smallint', SMALLINT: 'smallint', INTEGER: 'integer', BIGINT: 'bigint', UTINYINT: 'smallint', USMALLINT: 'integer', UINTEGER: 'bigint', UBIGINT: 'decimal(20,0)',
  HUGEINT: 'decimal(38,0)', UHUGEINT: 'decimal(38,0)', FLOAT: 'real', DOUBLE: 'double precision', VARCHAR: `varchar(${longestText})`, JSON: 'super', UUID: 'varchar(36)', BLOB: `varbyte(${longestBytes})`, DATE: 'date', TIME: 'time',
  'TIME WITH TIME ZONE': 'timetz', TIMESTAMP: 'timestamp', TIMESTAMP_S: 'timestamp', TIMESTAMP_MS: 'timestamp', 'TIMESTAMP WITH TIME ZONE': 'timestamptz', INTERVAL: 'varchar(128)', BIT: `varchar(${longestText})`,
};

const isNested = (type: string): boolean => /(\[\d*\])$|^(STRUCT|MAP|UNION)/.test(type);

/** The Redshift type for a staged column; null where none holds its values exactly (TIMESTAMP_NS, a scale of 38). */
export function redshiftTypeOf({ type: staged, sourceType }: Column): string | null {
  const type = staged.toUpperCase();
  if (type === 'VARCHAR' && sourceType?.system === 'postgres') {
    if (/^jsonb?$/.test(sourceType.type)) return 'super';
    const [, length] = /^(?:character varying|character)\((\d+)\)$/.exec(sourceType.type) ?? [];
    // Postgres counts characters, Redshift bytes.
    if (length) return `varchar(${Math.min(Number(length) * 4, longestText)})`;
  }
  if (isNested(type) || (sourceType?.system === 'redshift' && sourceType.type === 'super')) return 'super';
  if (type.startsWith('ENUM')) return `varchar(${longestText})`;
  const [, precision, scale] = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type) ?? [];
  if (precision) return Number(scale) > 37 ? null : `decimal(${precision},${scale})`;
  return equals[type] ?? null;
}

/** What a column of the table is, as `SVV_COLUMNS` tells it: in the words of `redshiftTypeOf`. */
export function typeOfCatalog(row: Readonly<Record<string, string | null>>): string {
  const type = row['data_type']!;
  switch (type) {
    case 'character varying': return `varchar(${row['length'] ?? 256})`;
    case 'character': return `char(${row['length'] ?? 1})`;
    case 'numeric': return `decimal(${row['precision']},${row['scale']})`;
    case 'timestamp without time zone': return 'timestamp';
    case 'timestamp with time zone': return 'timestamptz';
    case 'time without time zone': return 'time';
    case 'time with time zone': return 'timetz';
    case 'binary varying': case 'varbyte': return 'varbyte';
    default: return type;
  }
}

const back: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN', smallint: 'SMALLINT', integer: 'INTEGER', bigint: 'BIGINT', real: 'FLOAT', 'double precision': 'DOUBLE', date: 'DATE', time: 'TIME', timestamp: 'TIMESTAMP', timestamptz: 'TIMESTAMP WITH TIME ZONE', varbyte: 'BLOB',
};

/** The DuckDB type of a column that is read; what has no equal travels as text, with its own type beside it. @param type as `typeOfCatalog` says it. */
export function duckdbTypeOf(type: string): Pick<Column, 'type' | 'sourceType'> {
  if (type.startsWith('decimal(')) return { type: type.toUpperCase() };
  if (/^(var)?char\(/.test(type)) return { type: 'VARCHAR' };
  return back[type] ? { type: back[type] } : { type: 'VARCHAR', sourceType: { system: 'redshift', type } };
}

const integers = ['smallint', 'integer', 'bigint'];
const digits = (type: string): readonly [number, number] | null => {
  const found = /^decimal\((\d+),(\d+)\)$/.exec(type);
  return found ? [Number(found[1]), Number(found[2])] : null;
};
/** Bytes that a text column has room for; null: it is none. */
export const textLength = (type: string): number | null => {
  const found = /^varchar\((\d+)\)$/.exec(type);
  return found ? Number(found[1]) : null;
};

/** Whether every value of `own` fits a column of type `there`. Text may be narrower: its bytes are measured before each COPY. */
export function holds(there: string, own: string): boolean {
  if (there === own || (there === 'varbyte' && own.startsWith('varbyte'))) return true;
  if (textLength(there) !== null) return textLength(own) !== null;
  if (integers.includes(there) && integers.includes(own)) return integers.indexOf(there) >= integers.indexOf(own);
  if (there === 'double precision' && own === 'real') return true;
  const [wide, narrow] = [digits(there), digits(own)];
  return wide !== null && narrow !== null && wide[1] >= narrow[1] && wide[0] - wide[1] >= narrow[0] - narrow[1];
}

export interface CopyForm {
  /** DuckDB expression for the field; for CSV text of the value, NULL as NULL. */
  readonly printed: string;
  /** DuckDB condition of a value that Redshift cannot hold, and what it is. Never loaded, never altered. */
  readonly misfits: readonly { readonly when: string; readonly what: string }[];
  /** Type of the column that COPY fills. */
  readonly staged: string;
  /** Expression over that column, quoted as `c`, that the target gets. */
  readonly moved: (quoted: string) => string;
}

const same = (quoted: string): string => quoted;

export type CopyFormat = 'csv' | 'parquet';

/** @param quoted in DuckDB; @param type of the target's column, as `redshiftTypeOf` or `typeOfCatalog` say it. */
export function copyFormOf(column: Column, quoted: string, type: string, format: CopyFormat = 'csv'): CopyForm {
  const csv = csvFormOf(column, quoted, type);
  return format === 'csv' ? csv : { ...csv, ...parquetFormOf(csv, quoted, type) };
}

/** Values have types of their own, which must be those of the columns. Of what COPY cannot read from Parquet, a time is text and an instant its moment in UTC. */
function parquetFormOf({ staged }: CopyForm, quoted: string, type: string): Partial<CopyForm> {
  if (type.startsWith('varbyte')) return { printed: quoted };
  if (type === 'timestamptz') return { printed: `${quoted} AT TIME ZONE 'UTC'`, staged: 'timestamp', moved: (name) => `${name} AT TIME ZONE 'UTC'` };
  if (type === 'time' || type === 'timetz') return { staged: 'varchar(32)', moved: (name) => `CAST(${name} AS ${type})` };
  return staged.startsWith('varchar') ? {} : { printed: `CAST(${quoted} AS ${duckdbTypeOf(type).type})` };
}

function csvFormOf(column: Column, quoted: string, type: string): CopyForm {
  const staged = column.type.toUpperCase();
  if (type === 'super') {
    const printed = isNested(staged) ? `CAST(to_json(${quoted}) AS VARCHAR)` : quoted;
    return { printed, staged: `varchar(${longestText})`, moved: (name) => `JSON_PARSE(${name})`, misfits: [tooLong(printed, longestText), nul(printed)] };
  }
  if (type.startsWith('varbyte')) return { printed: `lower(hex(${quoted}))`, staged: `varbyte(${longestBytes})`, moved: same, misfits: [{ when: `octet_length(${quoted}) > ${longestBytes}`, what: `longer than ${longestBytes} bytes` }] };
  const length = textLength(type);
  if (length !== null) {
    const printed = staged === 'VARCHAR' || staged === 'JSON' ? quoted : isNested(staged) ? `CAST(to_json(${quoted}) AS VARCHAR)` : `CAST(${quoted} AS VARCHAR)`;
    return { printed, staged: type, moved: same, misfits: [tooLong(printed, length), nul(printed)] };
  }
  if (/^(FLOAT|DOUBLE)$/.test(staged)) return { printed: `CAST(${quoted} AS VARCHAR)`, staged: type, moved: same, misfits: [{ when: `NOT isfinite(${quoted})`, what: 'NaN or infinity' }] };
  if (/HUGEINT$/.test(staged)) return { printed: `CAST(${quoted} AS VARCHAR)`, staged: type, moved: same, misfits: [{ when: `abs(CAST(${quoted} AS DOUBLE)) >= 1e38`, what: 'more than 38 digits' }] };
  if (/^(DATE|TIMESTAMP.*)$/.test(staged)) {
    const cast = `CAST(${quoted} AS VARCHAR)`;
    return { printed: cast, staged: type, moved: same, misfits: [{ when: `NOT isfinite(${quoted})`, what: 'infinity' }, { when: `isfinite(${quoted}) AND (year(${quoted}) < 1 OR year(${quoted}) > 9999)`, what: 'outside the years 1 to 9999' }] };
  }
  return { printed: `CAST(${quoted} AS VARCHAR)`, staged: type, moved: same, misfits: [] };
}

const tooLong = (printed: string, length: number) => ({ when: `strlen(${printed}) > ${length}`, what: `longer than ${length} bytes` });
const nul = (printed: string) => ({ when: `contains(${printed}, chr(0))`, what: 'text with a NUL character' });
