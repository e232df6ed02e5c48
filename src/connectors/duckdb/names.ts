import { createHash } from 'node:crypto';
import { FencedOffError } from '../../domain/errors';
import { runPath } from '../../domain/ids';
import { nameWith } from '../../domain/naming';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { Target } from '../connector';

/** Quoted names of one stream in the file, and its key as a condition. */
export interface Names {
  readonly schema: string;
  readonly table: string;
  readonly target: string;
  readonly label: string;
  readonly holder: string;
  readonly mine: string;
  hidden(fence: number): string;
  /** Where `keep_previous` keeps what was replaced; without quotes and schema, and with. */
  readonly previousName: string;
  readonly previous: string;
  readonly hash: string;
}

export function namesOf({ run, stream }: Target): Names {
  const [table, schema = 'main'] = stream.to.split('.').reverse() as [string, string?];
  const label = `${schema}.${table}`;
  const hash = createHash('sha256').update(`${label}\n${run.pipeline}\n${stream.stream}`).digest('hex').slice(0, 16);
  const previousName = nameWith('_millrace_previous_', table, hash);
  return {
    schema, table, label, hash, holder: runPath(run),
    target: `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
    mine: `target = ${quoteLiteral(label)} AND pipeline = ${quoteLiteral(run.pipeline)} AND stream = ${quoteLiteral(stream.stream)}`,
    previousName, previous: `${quoteIdentifier(schema)}.${quoteIdentifier(previousName)}`,
    hidden: (fence) => `${quoteIdentifier(schema)}.${quoteIdentifier(`_millrace_s_${fence}_${hash}`)}`,
  };
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
