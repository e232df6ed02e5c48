import { createHash } from 'node:crypto';
import { runPath } from '../../domain/ids';
import { nameWith } from '../../domain/naming';
import type { Target } from '../connector';
import type { RedshiftConfig } from './config';
import { quoteIdentifier, quoteLiteral } from './quote';

/** Quoted names of everything one stream touches. Redshift folds names, so they are lower case from here on. */
export interface Names {
  readonly schema: string;
  readonly table: string;
  /** `"sales"."orders"` */
  readonly target: string;
  /** `sales.orders`: how the ledger names it. */
  readonly label: string;
  readonly checkpoints: string;
  readonly loads: string;
  readonly files: string;
  readonly displaced: string;
  /** An empty table per target: who writes to the target locks it first, so that what it then sees is current. */
  readonly lock: string;
  readonly lockName: string;
  readonly pipeline: string;
  readonly stream: string;
  /** Path of the run, generation included. */
  readonly holder: string;
  /** Condition that finds the stream's rows in system tables. */
  readonly mine: string;
  hidden(fence: number): string;
  hiddenName(fence: number): string;
  readonly previousName: string;
  readonly previous: string;
  readonly hash: string;
  /** Names of statements start so. */
  readonly statements: string;
}

export const systemTables = ['_millrace_checkpoints', '_millrace_loads', '_millrace_files', '_millrace_displaced'] as const;

export function namesOf({ run, stream }: Target, config: RedshiftConfig): Names {
  const [table, schema = config.schema] = stream.to.toLowerCase().split('.').reverse() as [string, string?];
  const label = `${schema}.${table}`;
  const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
  const hash = hashOf(`${label}\n${run.pipeline}\n${stream.stream}`);
  const inSchema = (name: string, home = schema) => `${quoteIdentifier(home)}.${quoteIdentifier(name)}`;
  const [checkpoints, loads, files, displaced] = systemTables.map((name) => inSchema(name, config.schema)) as [string, string, string, string];
  const lockName = `_millrace_lock_${hashOf(label)}`;
  const previousName = nameWith('_millrace_previous_', table, hash);
  const hiddenName = (fence: number) => `_millrace_s_${fence}_${hash}`;
  return {
    schema, table, label, hash, checkpoints, loads, files, displaced, lockName, hiddenName, previousName,
    target: inSchema(table), lock: inSchema(lockName, config.schema), previous: inSchema(previousName),
    pipeline: run.pipeline, stream: stream.stream, holder: runPath(run),
    mine: `target = ${quoteLiteral(label)} AND pipeline = ${quoteLiteral(run.pipeline)} AND stream = ${quoteLiteral(stream.stream)}`,
    hidden: (fence) => inSchema(hiddenName(fence)),
    statements: `millrace/${hashOf(`${config.database}\n${config.schema}`)}/${hash}/`,
  };
}
