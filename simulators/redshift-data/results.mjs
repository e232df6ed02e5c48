// Rows of Postgres as the Data API gives them.
const kinds = { 16: 'booleanValue', 20: 'longValue', 21: 'longValue', 23: 'longValue', 26: 'longValue', 700: 'doubleValue', 701: 'doubleValue' };
const names = { 16: 'bool', 20: 'int8', 21: 'int2', 23: 'int4', 700: 'float4', 701: 'float8', 1042: 'bpchar', 1043: 'varchar', 25: 'varchar', 1082: 'date', 1083: 'time', 1114: 'timestamp', 1184: 'timestamptz', 1266: 'timetz', 1700: 'numeric', 17: 'varbyte', 3802: 'super' };

/** As JSON text, since a bigint has more digits than a JS number. */
function fieldText(value, type) {
  if (value === null) return '{"isNull":true}';
  const kind = kinds[type] ?? 'stringValue';
  if (kind === 'booleanValue') return `{"booleanValue":${value === 't'}}`;
  return `{"${kind}":${kind === 'stringValue' ? JSON.stringify(value) : value}}`;
}

export const recordsText = (rows, fields) => `[${rows.map((row) => `[${row.map((value, index) => fieldText(value, fields[index].dataTypeID)).join(',')}]`).join(',')}]`;

const csvField = (value) => (value === null ? '' : /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
export const recordsCsv = (rows, fields, withHeader) => [...(withHeader ? [fields.map(({ name }) => csvField(name)).join(',')] : []), ...rows.map((row) => row.map(csvField).join(','))].join('\r\n') + '\r\n';

/** Postgres' type modifier as Redshift tells it; a decimal without one has none there either. */
function sizesOf(dataTypeID, modifier) {
  if (modifier < 4) return { precision: 0, scale: 0, length: 0 };
  return dataTypeID === 1700 ? { precision: ((modifier - 4) >> 16) & 0xffff, scale: (modifier - 4) & 0x7ff, length: 0 } : { precision: 0, scale: 0, length: modifier - 4 };
}

export const metadataOf = (fields) => fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
  columnDefault: '', isCaseSensitive: !(dataTypeID in kinds), isCurrency: false, isSigned: dataTypeID in kinds, label: name, name, nullable: 1, ...sizesOf(dataTypeID, dataTypeModifier), schemaName: '', tableName: '', typeName: names[dataTypeID] ?? 'varchar',
}));

export const sizeOf = (rows) => rows.reduce((sum, row) => sum + row.reduce((bytes, value) => bytes + (value === null ? 0 : Buffer.byteLength(value)), 0), 0);
