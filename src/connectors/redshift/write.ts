import { FencedOffError } from '../../domain/errors';
import type { PublishRequest } from '../connector';
import type { Step } from './client';
import type { Names } from './names';
import { quoteIdentifier, quoteLiteral } from './quote';

/** The staged rows of a run and the table they go to: what a write makes its statements of. */
export interface Write {
  readonly names: Names;
  readonly request: PublishRequest;
  readonly hidden: string;
  /** Quoted columns that are inserted, the lineage column included where the stream keeps it. */
  readonly columns: string;
  /** Types of the target's columns by name in lower case. */
  readonly types: ReadonlyMap<string, string>;
  /** Some batch is a replay, and may be older than what the target holds. */
  readonly replays: boolean;
  /** Proof texts in the ledger of this target; null: rows that are only counted. */
  readonly proofs: readonly (string | null)[];
  /** Nothing was ever published to this target. */
  readonly firstPublish: boolean;
  /** Rows that were found to be refused before the publish, and are in quarantine. */
  readonly rejected: number;
  /** scd2: statements that fill `_millrace_aside` with keys in quarantine; empty: there are none. */
  readonly keysAside: readonly Step[];
}

/** What was found before the publish has changed: another attempt looks again. */
export const refusedOtherwise = ({ label }: Names) => (): FencedOffError => new FencedOffError(`publishing to "${label}": the target refuses other rows than a moment ago, so somebody else writes it; nothing was published: start a new run`, { target: label });

/** Counts of one publish, kept in a table of its session until they go into the checkpoint. */
export const counts = '_millrace_counts';
export type CountName = 'written' | 'deduplicated' | 'deleted' | 'ended';

export const countStep = (name: CountName, from: string): Step => ({ sql: `INSERT INTO ${counts} SELECT ${quoteLiteral(name)}, count(*) FROM ${from}` });

/** A value as it is compared: SUPER has no order and no equality of its own. */
const comparable = (types: Write['types'], name: string, alias: string): string => {
  const sql = `${alias}.${quoteIdentifier(name)}`;
  return types.get(name.toLowerCase()) === 'super' ? `JSON_SERIALIZE(${sql})` : sql;
};

/** Condition that some column of two rows differs; NULL equals NULL. Never NULL itself. */
export function differs(types: Write['types'], names: readonly string[], left: string, right: string): string {
  const parts = names.map((name) => {
    const [a, b] = [comparable(types, name, left), comparable(types, name, right)];
    return `COALESCE(${a} <> ${b}, (${a} IS NULL) <> (${b} IS NULL))`;
  });
  return `(${parts.join(' OR ') || 'false'})`;
}

/** Equality that a hash join can use and in which NULL equals NULL: no text of a value is the mark. */
const textOf = (types: Write['types'], name: string, alias: string): string => `COALESCE(CAST(${comparable(types, name, alias)} AS VARCHAR), CHR(30) || 'null')`;
export const sameGroup = (types: Write['types'], names: readonly string[], left: string, right: string): string => names.map((name) => `${textOf(types, name, left)} = ${textOf(types, name, right)}`).join(' AND ');

/** Keys have no NULL. */
export const sameKey = (key: readonly string[], left: string, right: string): string => key.map((name) => `${left}.${quoteIdentifier(name)} = ${right}.${quoteIdentifier(name)}`).join(' AND ');
