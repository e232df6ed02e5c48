import type { Column } from '../../domain/column';
import type { PlacedColumn, ProofColumn, ProofPlan } from '../../domain/fingerprint';
import { holdsType } from '../../domain/type-change';
import { kindOfStaged, proofPlanOf } from '../../domain/proof-plan';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier } from '../../transforms/quote';

export async function typesOf(session: Session, table: string): Promise<ReadonlyMap<string, string>> {
  return new Map((await session.rows(`DESCRIBE ${table}`)).map((row) => [row['column_name']!, row['column_type']!]));
}

/** A column has the staged type, or is text that every value is cast to. */
export async function proofOfTable(session: Session, table: string, columns: readonly Column[], widens: readonly string[] = []): Promise<ProofPlan> {
  const types = await typesOf(session, table);
  return proofPlanOf(columns, (column) => {
    const { name, type } = column;
    const there = types.get(name) ?? type;
    if (widens.includes(name) && !holdsType({ type: there }, column)) return kindOfStaged(type);
    return there === 'VARCHAR' ? 'text' : there === type || (holdsType({ type: there }, { type }) && kindOfStaged(there) === kindOfStaged(type)) ? kindOfStaged(type) : { leftOut: `${type} arrives as ${there}` };
  });
}

/** Proof columns as they are in a table; null where one is gone. */
export function placed(columns: readonly ProofColumn[], types: ReadonlyMap<string, string>, alias: string): readonly PlacedColumn[] | null {
  if (columns.some(({ name }) => !types.has(name))) return null;
  return columns.map((column) => ({ ...column, sql: `${alias}.${quoteIdentifier(column.name)}`, type: types.get(column.name)! }));
}
