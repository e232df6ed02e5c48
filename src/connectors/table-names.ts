import { createHash } from 'node:crypto';
import { runPath } from '../domain/ids';
import { nameWith } from '../domain/naming';
import type { Target } from './destination';

/** Quoted names of everything one stream touches in a database. */
export interface TableNames {
  readonly schema: string;
  readonly table: string;
  /** `"sales"."orders"` */
  readonly target: string;
  /** `sales.orders`: how the ledger names it. */
  readonly label: string;
  readonly checkpoints: string;
  readonly loads: string;
  readonly files: string;
  readonly pipeline: string;
  readonly stream: string;
  /** Path of the run, generation included. */
  readonly holder: string;
  /** Condition that finds the stream's rows in system tables. */
  readonly mine: string;
  /** The table that a run's rows wait in until they are published: without quotes and schema, and with. */
  hiddenName(fence: number): string;
  hidden(fence: number): string;
  /** Where `keep_previous` keeps the table that was replaced. */
  readonly previousName: string;
  readonly previous: string;
  /** Stem that all hidden tables of this stream share after their fence. */
  readonly hash: string;
}

/** How a database writes names and texts. */
export interface Quoting {
  readonly quoteIdentifier: (name: string) => string;
  readonly quoteLiteral: (value: string) => string;
}

export interface Place {
  readonly schema: string;
  readonly table: string;
  /** Schema of the system tables. */
  readonly home: string;
}

export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

export function tableNamesOf({ run, stream }: Target, { schema, table, home }: Place, { quoteIdentifier, quoteLiteral }: Quoting): TableNames {
  const label = `${schema}.${table}`;
  const hash = shortHash(`${label}\n${run.pipeline}\n${stream.stream}`);
  const inSchema = (name: string, place = schema) => `${quoteIdentifier(place)}.${quoteIdentifier(name)}`;
  const previousName = nameWith('_millrace_previous_', table, hash);
  const hiddenName = (fence: number) => `_millrace_s_${fence}_${hash}`;
  return {
    schema, table, label, hash, hiddenName, previousName, target: inSchema(table), previous: inSchema(previousName), hidden: (fence) => inSchema(hiddenName(fence)),
    checkpoints: inSchema('_millrace_checkpoints', home), loads: inSchema('_millrace_loads', home), files: inSchema('_millrace_files', home),
    pipeline: run.pipeline, stream: stream.stream, holder: runPath(run),
    mine: `target = ${quoteLiteral(label)} AND pipeline = ${quoteLiteral(run.pipeline)} AND stream = ${quoteLiteral(stream.stream)}`,
  };
}
