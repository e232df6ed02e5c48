import type { Session } from '../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../transforms/quote';

/** Some rows as text, printed as a database's COPY prints them. `from`: SQL. */
export async function printSample(session: Session, from: string, columns: readonly string[], rows: number, path: string): Promise<void> {
  const texts = columns.map((name) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`).join(', ');
  await session.run(`COPY (SELECT ${texts} FROM ${from} LIMIT ${rows}) TO ${quoteLiteral(path)} (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE (${columns.map(quoteIdentifier).join(', ')}))`);
}
