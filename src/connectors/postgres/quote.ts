/** Postgres' quoting. Every identifier and literal in SQL for Postgres goes through these. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** Safe whatever standard_conforming_strings says: a backslash makes it an E'' literal. */
export const quoteLiteral = (value: string): string => {
  const body = value.replaceAll("'", "''");
  return value.includes('\\') ? `E'${body.replaceAll('\\', '\\\\')}'` : `'${body}'`;
};
export const quoteList = (names: readonly string[]): string => names.map(quoteIdentifier).join(', ');

export interface TableName {
  readonly schema: string;
  readonly table: string;
}
/** `sales.opportunity` or `opportunity` (then in the connection's schema). A dot inside a name cannot be written. */
export function parseTableName(name: string, schema: string): TableName {
  const dot = name.indexOf('.');
  return dot < 0 ? { schema, table: name } : { schema: name.slice(0, dot), table: name.slice(dot + 1) };
}
export const quoteTable = ({ schema, table }: TableName): string => `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
/** A Postgres array literal of texts. */
export const arrayOf = (values: readonly string[]): string => `{${values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`;
