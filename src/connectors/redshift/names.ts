import type { Target } from '../connector';
import { shortHash, tableNamesOf, type TableNames } from '../table-names';
import type { RedshiftConfig } from './config';
import { quoteIdentifier, quoteLiteral } from './quote';

/** Redshift folds names, so they are lower case from here on. */
export interface Names extends TableNames {
  readonly displaced: string;
  /** An empty table per target: who writes to the target locks it first, so that what it then sees is current. */
  readonly lock: string;
  readonly lockName: string;
  /** Names of statements start so. */
  readonly statements: string;
}

export const systemTables = ['_millrace_checkpoints', '_millrace_loads', '_millrace_files', '_millrace_displaced'] as const;

export function namesOf(target: Target, config: RedshiftConfig): Names {
  const [table, schema = config.schema] = target.stream.to.toLowerCase().split('.').reverse() as [string, string?];
  const names = tableNamesOf(target, { schema, table, home: config.schema }, { quoteIdentifier, quoteLiteral });
  const inHome = (name: string) => `${quoteIdentifier(config.schema)}.${quoteIdentifier(name)}`;
  const lockName = `_millrace_lock_${shortHash(names.label)}`;
  return { ...names, lockName, lock: inHome(lockName), displaced: inHome('_millrace_displaced'), statements: `millrace/${shortHash(`${config.database}\n${config.schema}`)}/${names.hash}/` };
}
