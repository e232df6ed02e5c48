/**
 * Redshift's quoting. Its literals read a backslash as an escape, and its identifiers are lower case even in quotes (unless the
 * cluster says otherwise), so names are compared in lower case.
 */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
export const quoteOrNull = (value: string | null | undefined): string => (value === null || value === undefined ? 'NULL' : quoteLiteral(value));
/** `a, b` of quoted identifiers. */
export const quoteList = (names: readonly string[]): string => names.map(quoteIdentifier).join(', ');
export const literalList = (values: readonly string[]): string => values.map(quoteLiteral).join(', ');
