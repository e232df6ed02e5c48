import type { Column } from '../../domain/column';
import type { PlacedColumn, ProofColumn, ProofPlan } from '../../domain/fingerprint';
import { kindOfStaged, proofPlanOf } from '../../domain/proof-plan';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier } from '../../transforms/quote';

export async function typesOf(session: Session, table: string): Promise<ReadonlyMap<string, string>> {
  return new Map((await session.rows(`DESCRIBE ${table}`)).map((row) => [row['column_name']!, row['column_type']!]));
}

/** A column has the staged type, or is text that every value is cast to. */
export async function proofOfTable(session: Session, table: string, columns: readonly Column[]): Promise<ProofPlan> {
  const types = await typesOf(session, table);
  return proofPlanOf(columns, ({ name, type }) => {
    const there = types.get(name);
    if (there === undefined) return { leftOut: 'is not in the table' };
    return there === 'VARCHAR' ? 'text' : there === type ? kindOfStaged(type) : { leftOut: `${type} arrives as ${there}` };
  });
}

/** Proof columns as they are in a table; null where one is gone. */
export function placed(columns: readonly ProofColumn[], types: ReadonlyMap<string, string>, alias: string): readonly PlacedColumn[] | null {
  if (columns.some(({ name }) => !types.has(name))) return null;
  return columns.map((column) => ({ ...column, sql: `${alias}.${quoteIdentifier(column.name)}`, type: types.get(column.name)! }));
}
