import type { Session } from './duckdb-engine';

/** What a step asks of a connection, once per address. */
export interface Asking {
  readonly connection: string;
  /** For messages: the path as it is written, without values. */
  readonly path: string;
  /** Where the wanted values stand in an answer. */
  readonly members: readonly string[];
  /** How long an answer counts: as long as the run, or this many milliseconds. */
  readonly keep: 'run' | number;
  /** Requests side by side. */
  readonly concurrency: number;
}

/** Answers that rows wait for: each distinct address is asked for once, whatever the number of rows. */
export interface Fetch extends Asking {
  /** SQL that gives a row's address below the connection's; NULL: it has none, so nothing is there. */
  readonly address: string;
}

/** Columns that the step's projections and guards may name, beside the input's. */
export const fetched = { state: '_millrace_state', error: '_millrace_answer_error', member: (index: number): string => `_millrace_member_${index}` } as const;

/** A line of the files with answers. */
export interface AnswerLine {
  /** The address asked for, below the connection's. */
  readonly a: string;
  readonly s: 'found' | 'missing' | 'refused';
  /** Text of each member, or null. */
  readonly m: readonly (string | null)[];
  /** Why it was refused; without values. */
  readonly e: string | null;
  /** Order in which answers came: of two for one address the first counts. */
  readonly t: number;
}

/** Asks systems outside while a chain of steps runs. Answers lie in files: nothing grows with the rows in memory. */
export interface Lookups {
  /** JSON lines of `AnswerLine` that are kept from earlier; local paths. */
  kept(asking: Asking): Promise<readonly string[]>;
  /** Asks for the addresses in a file of JSON lines `{"a": …}`, each once, and returns files with their answers. Those that came before an error are kept for the next attempt. */
  ask(asking: Asking, addresses: string, signal: AbortSignal): Promise<readonly string[]>;
}

const lookups = new WeakMap<Session, Lookups>();
/** Without it a step that asks outside can only be described. */
export const putLookups = (session: Session, found: Lookups): void => void lookups.set(session, found);
export const lookupsOf = (session: Session): Lookups | undefined => lookups.get(session);
