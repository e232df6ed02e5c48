import { FencedOffError } from '../../domain/errors';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { Target } from '../connector';
import { tableNamesOf, type TableNames as Names } from '../table-names';

export type { Names };

export function namesOf(target: Target): Names {
  const [table, schema = 'main'] = target.stream.to.split('.').reverse() as [string, string?];
  return tableNamesOf(target, { schema, table, home: 'main' }, { quoteIdentifier, quoteLiteral });
}

export async function tableExists(session: Session, schema: string, table: string): Promise<boolean> {
  return (await session.rows(`SELECT 1 FROM information_schema.tables WHERE table_catalog = current_database() AND table_schema = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(table)}`)).length > 0;
}

export async function refuseOldFence(session: Session, names: Names, fence: number, version: number): Promise<void> {
  const found = await session.rows(`SELECT 1 FROM _millrace_checkpoints WHERE ${names.mine} AND fence = ${fence} AND version = ${version}`);
  if (found.length === 0) throw new FencedOffError(`writing to "${names.label}": a later run has claimed it; this run ends, nothing more was written by it`, { target: names.label, fence });
}

export async function dropHidden(session: Session, names: Names, below: number): Promise<void> {
  const tables = await session.rows(`SELECT table_name AS t FROM information_schema.tables WHERE table_catalog = current_database() AND table_schema = ${quoteLiteral(names.schema)} AND starts_with(table_name, '_millrace_s_') AND ends_with(table_name, ${quoteLiteral(names.hash)})`);
  for (const name of tables.map((row) => row['t']!)) {
    if (Number(name.split('_')[3]) < below) await session.run(`DROP TABLE ${quoteIdentifier(names.schema)}.${quoteIdentifier(name)}`);
  }
}
