import type { Column } from '../domain/column';
import { figuresOf, figuresSql, noFigures, type Figures, type PlacedColumn, type ProofColumn } from '../domain/fingerprint';
import { printedRows } from '../formats/copy-csv';
import { fileList, type Session } from './duckdb-engine';
import { quoteIdentifier } from './quote';

/** Proof columns of a DuckDB relation. `printed`: its columns are text as Postgres prints it. */
export const placedInDuckdb = (proof: readonly ProofColumn[], columns: readonly Column[], printed = false): readonly PlacedColumn[] =>
  proof.map((column) => ({ ...column, sql: quoteIdentifier(column.name), type: columns.find(({ name }) => name === column.name)!.type, printed }));

/** From here on the cheaper way of hashing pays for its preparation. */
const manyRows = 200_000;

/** Figures of the rows in Parquet files; what Parquet keeps in another type is read as the type it stands for, as a load does. */
export async function figuresOfParquet(session: Session, paths: readonly string[], columns: readonly Column[], proof: readonly ProofColumn[], rows = 0): Promise<Figures> {
  if (paths.length === 0) return noFigures(proof);
  const own = columns.filter(({ name }) => proof.some((column) => column.name === name)).map(({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`);
  const from = proof.length === 0 ? `read_parquet(${fileList(paths)})` : `(SELECT ${own.join(', ')} FROM read_parquet(${fileList(paths)}))`;
  return figuresOf(await session.row(`SELECT ${figuresSql('duckdb', placedInDuckdb(proof, columns), rows >= manyRows)} FROM ${from}`), proof);
}

/** Figures of rows that pass from database to database as the source's COPY printed them. */
export async function figuresOfPrinted(session: Session, paths: readonly string[], columns: readonly Column[], proof: readonly ProofColumn[], rows = 0): Promise<Figures> {
  if (paths.length === 0) return noFigures(proof);
  const select = figuresSql('duckdb', placedInDuckdb(proof, columns, true), rows >= manyRows);
  return figuresOf(await printedRows(session, paths, columns, (from) => session.row(`SELECT ${select} FROM ${from}`)), proof);
}
