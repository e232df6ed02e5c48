import type { Column } from '../../domain/column';
import { quoteIdentifier } from './quote';

const integers: Readonly<Record<string, readonly [string, string]>> = {
  tinyint: ['TINYINT', 'UTINYINT'], smallint: ['SMALLINT', 'USMALLINT'], mediumint: ['INTEGER', 'UINTEGER'], int: ['INTEGER', 'UINTEGER'], bigint: ['BIGINT', 'UBIGINT'],
};

/** @param full as COLUMN_TYPE has it: `decimal(18,3)`, `bigint(20) unsigned`, `tinyint(1)`. What has no equal travels as text, with its own type beside it. */
export function columnOf(name: string, full: string, nullable: boolean): Column {
  const base = /^[a-z]+/.exec(full)?.[0] ?? full;
  const make = (type: string, own = false): Column => ({ name, type, nullable, ...(own && { sourceType: { system: 'mysql', type: full } }) });
  if (integers[base]) return make(integers[base][/unsigned/.test(full) ? 1 : 0]!);
  const [, precision, scale] = /^decimal\((\d+),(\d+)\)/.exec(full) ?? [];
  switch (base) {
    case 'decimal': return precision && Number(precision) <= 38 ? make(`DECIMAL(${precision},${scale})`) : make('VARCHAR', true);
    case 'float': return make('FLOAT');
    case 'double': return make('DOUBLE');
    case 'date': return make('DATE');
    case 'datetime': return make('TIMESTAMP');
    case 'timestamp': return make('TIMESTAMP WITH TIME ZONE');
    case 'char': case 'varchar': case 'tinytext': case 'text': case 'mediumtext': case 'longtext': return make('VARCHAR');
    case 'binary': case 'varbinary': case 'tinyblob': case 'blob': case 'mediumblob': case 'longblob': return make('BLOB');
    // Of -838 to 838 hours: a time of day it is not.
    default: return make('VARCHAR', true);
  }
}

/** As the reader of landing files wants it: bytes as \x and hex, floats with all their digits, everything else as the server prints it. */
export function printed({ name, type, sourceType }: Column): string {
  const column = quoteIdentifier(name);
  if (type === 'BLOB') return `CONCAT('\\x', LOWER(HEX(${column})))`;
  // Printed as float it has six digits only.
  if (type === 'FLOAT') return `CAST(${column} AS DOUBLE)`;
  if (/^bit/.test(sourceType?.type ?? '')) return `CAST(${column} + 0 AS CHAR)`;
  return column;
}
