/** A column as the catalog describes it, in Hive's types. */
export interface CatalogColumn {
  readonly Name: string;
  readonly Type: string;
}

const plain: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean', TINYINT: 'tinyint', SMALLINT: 'smallint', INTEGER: 'int', BIGINT: 'bigint', UTINYINT: 'smallint', USMALLINT: 'int', FLOAT: 'float', DOUBLE: 'double',
  // DuckDB writes 128-bit integers to Parquet as doubles.
  HUGEINT: 'double', VARCHAR: 'string', JSON: 'string', BLOB: 'binary', UUID: 'binary', DATE: 'date', TIMESTAMP: 'timestamp', TIMESTAMP_S: 'timestamp', TIMESTAMP_MS: 'timestamp', 'TIMESTAMP WITH TIME ZONE': 'timestamp',
};

/** Hive's type for what DuckDB writes to Parquet; null: readers of the catalog have none, or would read other values. */
export function catalogType(type: string): string | null {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) return `decimal(${decimal[1]},${decimal[2]})`;
  if (/\[\d*\]$/.test(type)) return within('array', [catalogType(type.replace(/\[\d*\]$/, ''))]);
  if (/^MAP\(.*\)$/s.test(type)) return within('map', partsOf(type.slice(4, -1)).map(catalogType));
  if (/^STRUCT\(.*\)$/s.test(type)) return within('struct', partsOf(type.slice(7, -1)).map(fieldOf));
  if (/^ENUM\(/.test(type)) return 'string';
  return plain[type] ?? null;
}

const within = (outer: string, inner: readonly (string | null)[]): string | null => (inner.includes(null) ? null : `${outer}<${inner.join(',')}>`);

/** `"a b" INTEGER` → null: Hive's types have names without quotes only. */
function fieldOf(text: string): string | null {
  const [, quoted, bare, type] = /^(?:"((?:[^"]|"")*)"|(\S+)) (.*)$/s.exec(text) ?? [];
  const name = quoted ?? bare ?? '';
  const inner = type === undefined ? null : catalogType(type);
  return inner === null || !/^\w+$/.test(name) ? null : `${name.toLowerCase()}:${inner}`;
}

/** Parts between commas that stand in no bracket and no quotes. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let [depth, start, quoted] = [0, 0, false];
  for (const [at, sign] of [...text].entries()) {
    if (sign === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (sign === '(') depth += 1;
    else if (sign === ')') depth -= 1;
    else if (sign === ',' && depth === 0) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...parts, text.slice(start).trim()];
}

/** Partition keys are read from the folders' names, as text of these types. */
export const partitionType = (type: string): string => (['int', 'bigint', 'smallint', 'tinyint', 'date'].includes(catalogType(type) ?? '') ? catalogType(type)! : 'string');
