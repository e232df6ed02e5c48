import type { Column } from '../../domain/column';
import type { PlacedColumn, ProofColumn, ProofPlan } from '../../domain/fingerprint';
import { kindOfStaged, proofPlanOf, type Arrival } from '../../domain/proof-plan';
import { quoteIdentifier } from './quote';

/** Whether a staged column reaches a column of that type as the value it was, in a form that Redshift can write too. */
function arrivalOf({ type: staged }: Column, type: string | undefined): Arrival {
  if (type === undefined) return { leftOut: 'is not in the table' };
  if (type === 'super') return { leftOut: 'SUPER writes JSON in a form of its own' };
  if (type === 'real' || type === 'double precision') return { leftOut: 'Redshift cannot write the bits of a float' };
  if (type.startsWith('time') && !type.startsWith('timestamp')) return { leftOut: 'Redshift\'s text of a time is not fixed' };
  const kind = kindOfStaged(staged);
  if (/^(var)?char/.test(type)) return kind === 'uuid' || kind === 'text' ? kind : staged.toUpperCase().startsWith('ENUM') ? 'text' : { leftOut: `${staged} arrives as text` };
  if (type.startsWith('varbyte')) return kind === 'bytes' ? kind : { leftOut: `${staged} arrives as bytes` };
  return kind;
}

/** Which columns of the target the fingerprint covers, and how each is written. */
export const proofOfTarget = (types: ReadonlyMap<string, string>, columns: readonly Column[]): ProofPlan =>
  proofPlanOf(columns, (column) => arrivalOf(column, types.get(column.name.toLowerCase())));

/** Proof columns as they are in a table; null where one is gone. */
export function placed(columns: readonly ProofColumn[], types: ReadonlyMap<string, string>, alias: string): readonly PlacedColumn[] | null {
  if (columns.some(({ name }) => !types.has(name.toLowerCase()))) return null;
  return columns.map((column) => ({ ...column, sql: `${alias}.${quoteIdentifier(column.name)}`, type: types.get(column.name.toLowerCase())! }));
}
