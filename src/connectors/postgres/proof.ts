import type { Kind } from '../../domain/canonical';
import type { Column } from '../../domain/column';
import type { PlacedColumn, ProofColumn, ProofPlan } from '../../domain/fingerprint';
import { kindOfStaged, proofPlanOf, type Arrival } from '../../domain/proof-plan';
import type { PostgresConnection } from './connection';
import { columnsOf, holds } from './prepare';
import { quoteIdentifier } from './quote';
import { postgresTypeOf } from './types';

const kindOf: Readonly<Record<string, Kind>> = {
  boolean: 'boolean', smallint: 'number', integer: 'number', bigint: 'number', real: 'real', 'double precision': 'double',
  text: 'text', uuid: 'uuid', bytea: 'bytes', date: 'date',
};

/** What a value of a Postgres type is written as; `own`: as its type prints it. */
export function kindOfType(type: string): Kind {
  if (kindOf[type]) return kindOf[type];
  if (/^numeric(\(.*\))?$/.test(type)) return 'number';
  if (/^character varying(\(\d+\))?$/.test(type)) return 'text';
  if (/^character(\(\d+\))?$/.test(type)) return 'padded';
  if (/^time(\(\d\))? without time zone$/.test(type)) return 'time';
  if (/^timestamp(\(\d\))? without time zone$/.test(type)) return 'timestamp';
  if (/^timestamp(\(\d\))? with time zone$/.test(type)) return 'instant';
  return 'own';
}

/** Types whose text is one and the same, whether DuckDB prints it for COPY or Postgres casts a staged value to it. */
const oneText = /^(VARCHAR|BOOLEAN|UUID|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|(DECIMAL|ENUM)\(.*\))$/;

/** Whether a staged column reaches a column of that type as the value it was, in a form that both sides can write. */
function arrivalOf(column: Column, type: string | undefined): Arrival {
  if (type === undefined) return { leftOut: 'is not in the table' };
  const kind = kindOfType(type);
  const staged = column.type.toUpperCase();
  const asPrinted = staged === 'VARCHAR' && column.sourceType?.system === 'postgres' && column.sourceType.type === type;
  if (asPrinted) return kind;
  if (kind === 'own') return { leftOut: `${type} rewrites ${column.type}` };
  if (kind === 'text' || kind === 'padded') return oneText.test(staged) ? kind : { leftOut: `${column.type} arrives as text` };
  if (kindOfStaged(staged) === kind) return kind;
  return { leftOut: `${column.type} arrives as ${type}` };
}

/** Which columns of the target the fingerprint covers, and how each is written. */
export async function proofOfTarget(connection: PostgresConnection, target: string, columns: readonly Column[], widens: readonly string[] = []): Promise<ProofPlan> {
  const types = await columnsOf(connection, target);
  const typeOf = (column: Column): string | undefined => {
    const there = types.get(column.name);
    const own = postgresTypeOf(column) ?? undefined;
    return there === undefined || (own !== undefined && widens.includes(column.name) && !holds(there, own)) ? own : there;
  };
  return proofPlanOf(columns, (column) => arrivalOf(column, typeOf(column)));
}

/** Proof columns as they are in a table; null where one is gone. */
export function placed(columns: readonly ProofColumn[], types: ReadonlyMap<string, string>, alias: string): readonly PlacedColumn[] | null {
  if (columns.some(({ name }) => !types.has(name))) return null;
  return columns.map((column) => ({ ...column, sql: `${alias}.${quoteIdentifier(column.name)}`, type: types.get(column.name)! }));
}
