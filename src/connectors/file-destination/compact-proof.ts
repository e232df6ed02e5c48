import { batchColumn } from '../../domain/column';
import { fingerprintSql, proofOfText, type PlacedColumn } from '../../domain/fingerprint';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import { readManifest } from './manifest';
import type { Piece } from './pieces';
import type { TableStore } from './table-store';

export interface BatchPrint {
  readonly number: string;
  readonly rows: string;
  readonly fingerprint: string;
}

/** Of each batch in the rows of `from`, its count and fingerprint, over the columns that its own proof covers; by number. */
export async function fingerprintsByBatch(session: Session, store: TableStore, group: readonly Piece[], from: string): Promise<readonly BatchPrint[]> {
  const types = new Map((await session.rows(`DESCRIBE SELECT * FROM ${from}`)).map((row) => [row['column_name']!, row['column_type']!]));
  const number = `CAST(${quoteIdentifier(batchColumn)} AS VARCHAR)`;
  const found: BatchPrint[] = [];
  for (const [proof, numbers] of await byProof(store, group)) {
    const columns = (proof === null ? [] : proofOfText(proof)).map((column): PlacedColumn => ({ ...column, sql: quoteIdentifier(column.name), type: types.get(column.name)! }));
    const print = columns.length === 0 ? "'0'" : `CAST(${fingerprintSql('duckdb', columns, true)} AS VARCHAR)`;
    const rows = await session.rows(`SELECT ${number} AS number, CAST(count(*) AS VARCHAR) AS "rows", ${print} AS fingerprint FROM ${from} WHERE ${number} IN (${numbers.map(quoteLiteral).join(', ')}) GROUP BY 1`);
    found.push(...rows.map((row) => ({ number: row['number']!, rows: row['rows']!, fingerprint: row['fingerprint']! })));
  }
  const [others] = await session.rows(`SELECT CAST(count(*) AS VARCHAR) AS n FROM ${from} WHERE ${number} IS NULL OR ${number} NOT IN (${group.flatMap(({ parts }) => parts.map((part) => quoteLiteral(part.number))).join(', ')})`);
  if (others!['n'] !== '0') found.push({ number: 'none', rows: others!['n']!, fingerprint: '0' });
  return found.sort((left, right) => (`${left.number}: ${left.rows}` < `${right.number}: ${right.rows}` ? -1 : 1));
}

/** Batches whose fingerprints cover the same columns in the same forms are measured together. */
async function byProof(store: TableStore, group: readonly Piece[]): Promise<ReadonlyMap<string | null, readonly string[]>> {
  const numbers = new Map<string, string | null>();
  for (const { place, number } of group.flatMap(({ parts }) => parts)) if (!numbers.has(number)) numbers.set(number, (await readManifest(store, place))?.proof ?? null);
  const found = new Map<string | null, string[]>();
  for (const [number, proof] of numbers) found.set(proof, [...found.get(proof) ?? [], number]);
  return found;
}
