/** DuckDB's quoting. Every identifier and literal in SQL for DuckDB goes through these two. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (value: string): string => `'${value.replaceAll("'", "''")}'`;
/** `(a, b)` of quoted identifiers, without the parentheses. */
export const quoteList = (names: readonly string[]): string => names.map(quoteIdentifier).join(', ');
