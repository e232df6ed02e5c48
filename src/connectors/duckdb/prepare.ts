import { batchColumn } from '../../domain/column';
import { ConfigurationError, DestinationHeldError } from '../../domain/errors';
import { writtenHere } from '../../domain/naming';
import type { StreamSpec } from '../../domain/pipeline';
import type { Plan } from '../../domain/plan';
import { holdsType } from '../../domain/type-change';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { Target } from '../connector';
import { beginningOf, versionColumns, versionProblem } from '../versions';
import { tableExists, type Names } from './names';

/** Statements that make the target ready, or why it does not fit. Nothing is narrowed or dropped. */
export async function prepare(session: Session, names: Names, { stream }: Target, plan: Pick<Plan, 'target' | 'order' | 'widens'>, allowDestructive: boolean): Promise<readonly string[]> {
  const columns = plan.target;
  const missingKey = stream.write === 'merge' ? stream.key.find((name) => !columns.some((column) => column.name === name)) : undefined;
  if (missingKey) throw new ConfigurationError(`preparing "${names.label}": key column "${missingKey}" is not among the stream's columns: ${columns.map(({ name }) => name).join(', ')}${writtenHere(missingKey, columns.map(({ name }) => name))}`);
  const wanted = [...columns, ...(stream.write === 'scd2' ? versionsOf(names, stream, plan) : []), ...(stream.lineage ? [{ name: batchColumn, type: 'BIGINT' }] : [])];
  if (!(await tableExists(session, names.schema, names.table))) {
    return [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(names.schema)}`, `CREATE TABLE ${names.target} (${wanted.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ')})`];
  }
  const there = new Map((await session.rows(`DESCRIBE ${names.target}`)).map((row) => [row['column_name']!, row['column_type']!]));
  if (stream.write === 'scd2') await refuseUnversioned(session, names, there);
  const other = wanted.filter(({ name, type }) => there.has(name) && !(there.get(name) === 'VARCHAR' || holdsType({ type: there.get(name)! }, { type })));
  const widened = other.filter(({ name, type }) => plan.widens?.includes(name) && holdsType({ type }, { type: there.get(name)! }));
  const misfits = other.filter((column) => !widened.includes(column));
  if (misfits.length > 0) throw new DestinationHeldError(`preparing "${names.label}": ${misfits.map(({ name, type }) => `"${name}" is ${there.get(name)}, the stream has ${type}`).join('; ')}; change the column, then "millrace resume RUN"; or "millrace cancel RUN", add a cast step and run it again`, { target: names.label });
  const known = (await tableExists(session, 'main', '_millrace_loads')) && (await session.rows(`SELECT 1 FROM _millrace_loads WHERE target = ${quoteLiteral(names.label)} LIMIT 1`)).length > 0;
  if (stream.write === 'replace' && !known && !allowDestructive && (await session.rows(`SELECT 1 FROM ${names.target} LIMIT 1`)).length > 0) {
    throw new ConfigurationError(`preparing "${names.label}": Millrace did not create this table and it has rows, which replace would take away; use another table, or --allow-destructive`);
  }
  return [
    ...widened.map(({ name, type }) => `ALTER TABLE ${names.target} ALTER COLUMN ${quoteIdentifier(name)} SET DATA TYPE ${type}`),
    ...wanted.filter(({ name }) => !there.has(name)).map(({ name, type }) => `ALTER TABLE ${names.target} ADD COLUMN ${quoteIdentifier(name)} ${type}`),
  ];
}

/** Columns that scd2 adds, of the cursor's own type. */
function versionsOf(names: Names, stream: StreamSpec, { target, order }: Pick<Plan, 'target' | 'order'>): readonly { readonly name: string; readonly type: string }[] {
  const problem = versionProblem({ stream, target, order });
  if (problem) throw new ConfigurationError(`preparing "${names.label}": ${problem}`, { target: names.label });
  const [from, to, current] = versionColumns;
  return [...[from, to].map((name) => ({ name, type: beginningOf(target, order) })), { name: current, type: 'BOOLEAN' }];
}

/** Rows without a beginning cannot be versions of anything. */
async function refuseUnversioned(session: Session, names: Names, there: ReadonlyMap<string, string>): Promise<void> {
  const missing = versionColumns.find((name) => !there.has(name));
  if (missing === undefined || (await session.rows(`SELECT 1 FROM ${names.target} LIMIT 1`)).length === 0) return;
  throw new DestinationHeldError(`preparing "${names.label}": it has rows and no column "${missing}", so it holds no versions; write scd2 to another table, or add valid_from, valid_to and is_current and fill them, then "millrace resume RUN"`, { target: names.label });
}
