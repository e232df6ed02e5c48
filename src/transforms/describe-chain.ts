import { positionColumn, type Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import type { NamedOptions } from '../domain/pipeline';
import type { Session } from './duckdb-engine';
import { quoteIdentifier } from './quote';
import { stepNamed } from './registry';
import { createRejects, runChain, type References } from './chain';
import { refuseForeignSql } from './user-sql';

/** Columns after the steps, asked of DuckDB over relations without rows. Throws ConfigurationError naming the step. */
export async function describeChain(session: Session, columns: readonly Column[], steps: readonly NamedOptions[], references: References): Promise<readonly Column[]> {
  const relation = `described_${counter++}`;
  const nothing = [...columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`), `CAST(NULL AS BIGINT) AS ${quoteIdentifier(positionColumn)}`];
  await session.run(`CREATE TEMP VIEW ${quoteIdentifier(relation)} AS SELECT ${nothing.join(', ')} WHERE false`);
  let state: { readonly relation: string; readonly columns: readonly Column[] } = { relation, columns };
  await createRejects(session, `${relation}_rejects`);
  for (const [ordinal, spec] of steps.entries()) {
    for (const { sql, allowed } of stepNamed(spec.name).userSql(spec.options)) await refuseForeignSql(session, sql, allowed, spec.name);
    try {
      state = await runChain({ session, relation: state.relation, columns: state.columns, steps: [spec], firstStep: ordinal, checks: [], references, positions: true, rejects: `${relation}_rejects` });
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      throw new ConfigurationError(`compiling step ${ordinal + 1} "${spec.name}": ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`, { step: spec.name });
    }
  }
  return state.columns;
}
let counter = 0;
