/** With sql_mode ANSI_QUOTES and NO_BACKSLASH_ESCAPES, which `openConnection` sets. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `table` or `database.table`. */
export function parseTable(name: string, database: string): { readonly database: string; readonly table: string } {
  const at = name.indexOf('.');
  return at < 0 ? { database, table: name } : { database: name.slice(0, at), table: name.slice(at + 1) };
}
