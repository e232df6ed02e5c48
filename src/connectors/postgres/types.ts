import type { Column } from '../../domain/column';

export interface DuckDbType {
  readonly type: string;
  readonly sourceType?: { readonly system: 'postgres'; readonly type: string };
}

/** Types with an exact equal in DuckDB. What is not here travels as canonical text, with its own type beside it (semantics 4). */
const equals: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN', smallint: 'SMALLINT', integer: 'INTEGER', bigint: 'BIGINT', real: 'FLOAT', 'double precision': 'DOUBLE',
  text: 'VARCHAR', uuid: 'UUID', bytea: 'BLOB', date: 'DATE', 'time without time zone': 'TIME',
  'timestamp without time zone': 'TIMESTAMP', 'timestamp with time zone': 'TIMESTAMP WITH TIME ZONE',
};

/** @param formatted as `format_type` prints it, e.g. `numeric(18,3)`, `character varying(20)`. */
export function duckdbTypeOf(formatted: string): DuckDbType {
  const equal = equals[formatted];
  if (equal) return { type: equal };
  const own = { system: 'postgres', type: formatted } as const;
  const [, precision, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(formatted) ?? [];
  // An unbounded numeric is never a double; NaN in a bounded one has no DECIMAL and is set aside by the reader.
  if (precision && Number(precision) <= 38 && Number(scale) >= 0 && Number(scale) <= Number(precision)) return { type: `DECIMAL(${precision},${scale})` };
  // Times of a stated precision keep their digits in the type of full precision.
  const [, stem, , zone] = /^(timestamp|time)(\(\d\)) (without time zone|with time zone)$/.exec(formatted) ?? [];
  if (stem && equals[`${stem} ${zone}`]) return { type: equals[`${stem} ${zone}`]!, sourceType: own };
  return { type: 'VARCHAR', sourceType: own };
}

const back: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean', TINYINT: 'smallint', SMALLINT: 'smallint', INTEGER: 'integer', BIGINT: 'bigint', HUGEINT: 'numeric(39,0)',
  UTINYINT: 'smallint', USMALLINT: 'integer', UINTEGER: 'bigint', UBIGINT: 'numeric(20,0)', UHUGEINT: 'numeric(39,0)',
  FLOAT: 'real', DOUBLE: 'double precision', VARCHAR: 'text', JSON: 'jsonb', UUID: 'uuid', BLOB: 'bytea', DATE: 'date', TIME: 'time without time zone',
  TIMESTAMP: 'timestamp without time zone', TIMESTAMP_S: 'timestamp without time zone', TIMESTAMP_MS: 'timestamp without time zone',
  'TIMESTAMP WITH TIME ZONE': 'timestamp with time zone', 'TIME WITH TIME ZONE': 'time with time zone', INTERVAL: 'interval', BIT: 'bit varying',
};

/** The Postgres type for a staged column; null where none holds its values exactly (e.g. TIMESTAMP_NS). */
export function postgresTypeOf(column: Column): string | null {
  if (column.sourceType?.system === 'postgres') return column.sourceType.type;
  const type = column.type.toUpperCase();
  if (type.startsWith('DECIMAL')) return `numeric${type.slice('DECIMAL'.length)}`;
  if (type.startsWith('ENUM')) return 'text';
  if (/(\[\d*\])$|^(STRUCT|MAP|UNION)/.test(type)) return 'jsonb';
  return back[type] ?? null;
}

/** DuckDB expression that prints a value as Postgres reads it in COPY. */
export function copyTextOf(column: Column, quoted: string): string {
  const type = column.type.toUpperCase();
  if (type === 'BLOB') return `'\\x' || lower(hex(${quoted}))`;
  if (/(\[\d*\])$|^(STRUCT|MAP|UNION)/.test(type)) return `CAST(to_json(${quoted}) AS VARCHAR)`;
  if (type === 'DATE' || type.startsWith('TIMESTAMP')) return `replace(CAST(${quoted} AS VARCHAR), ' (BC)', ' BC')`;
  return quoted;
}
