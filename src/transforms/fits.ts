import type { Column } from '../domain/column';

type Typed = Pick<Column, 'type' | 'sourceType'>;

/** SQL condition, never NULL: the value is also a value of `to`, without a digit lost; NULL is. */
export function fitsSql(value: string, from: Typed, to: Typed): string {
  const room = /^character varying\((\d+)\)$/.exec(to.sourceType?.type ?? '')?.[1];
  if (to.type === 'VARCHAR') return room === undefined ? 'true' : `coalesce(length(CAST(${value} AS VARCHAR)) <= ${room}, true)`;
  const cast = `TRY_CAST(${value} AS ${to.type})`;
  return `(${value} IS NULL OR (${cast} IS NOT NULL AND coalesce(${exactSql(value, cast, from, to)}, false)))`;
}

/** A cast of DuckDB's rounds: `1.5` becomes 2, `1.999` as DECIMAL(10,2) becomes 2.00, and `007` becomes 7. */
function exactSql(value: string, cast: string, from: Typed, to: Typed): string {
  if (from.type !== 'VARCHAR') return `TRY_CAST(${cast} AS ${from.type}) IS NOT DISTINCT FROM ${value}`;
  const scale = /^DECIMAL\(\d+,(\d+)\)$/.exec(to.type)?.[1] ?? (/INT(EGER)?$/.test(to.type) ? '0' : null);
  return scale === null ? 'true' : `regexp_full_match(${value}, '[+-]?(0|[1-9][0-9]*)?(\\.[0-9]{0,${scale}}0*)?')`;
}
