import type { z } from 'zod';
import type { Engine } from '../transforms/duckdb-engine';
import type { Destination } from './destination';
import type { Source } from './source';

export type { CheckResult } from './check-result';
export type * from './destination';
export type * from './source';

/** What a connector may use besides its own client library. */
export interface ConnectorContext {
  /** The only way to DuckDB. */
  readonly engine: Engine;
  /** Relative paths of a connection are relative to this folder: that of its connections file. */
  readonly baseFolder: string;
  /** Name of the connection, for messages. */
  readonly connection: string;
  /** One budget of requests for all who use the connection. Absent: there is none to keep. */
  readonly governor?: Governor;
}

/** Allots times at which a request may be sent, evenly spaced, each once: across runs, workers and restarts. */
export interface Governor {
  /** Resolves when a request may be sent; throws SourceThrottledError where that is more than some seconds away. */
  permit(rate: { readonly requests: number; readonly per: number }, signal: AbortSignal): Promise<void>;
}

/** Differences between systems as data with a reason, never as a type test. */
export interface Capabilities {
  readonly loadIsTransactional: boolean;
  readonly concurrentWriters: boolean;
  readonly writes: readonly string[];
  /** Word → why it is not available here, for the message that refuses it. */
  readonly refuses: Readonly<Record<string, string>>;
  /** Whether `publish` calls `inspect`; absent: checks with `at: destination` are refused. */
  readonly takesChecks?: boolean;
}

/** A system that single answers are asked of, one per address, for rows on their way. */
export interface Lookup {
  /**
   * One answer into the file `to`. Resolves to what is the row's own matter; throws what stops all of them: the system does not answer,
   * asks to be left alone, or refuses the credentials. Messages hold neither secret nor value: `shownAs` stands for the address.
   */
  ask(request: { readonly address: string; readonly shownAs: string; readonly to: string }, signal: AbortSignal): Promise<Looked>;
}

/** `refused`: the system does not answer for this one; the reason has no value in it. */
export interface Looked {
  readonly state: 'found' | 'missing' | 'refused';
  readonly reason: string | null;
}

/** Opens one side of a system for one activity. */
type Open<Config, Side> = (config: Config, context: ConnectorContext) => Promise<Side>;

export interface Connector {
  readonly name: string;
  readonly summary: string;
  readonly configSchema: z.ZodType;
  readonly capabilities?: Capabilities;
  /** A database: its streams are tables or queries with columns of their own, so that it takes neither patterns nor formats. */
  readonly holdsTables?: boolean;
  /** A source without transactions that reads by `cursor` all the same. */
  readonly takesCursor?: boolean;
  openSource?: Open<unknown, Source>;
  openDestination?: Open<unknown, Destination>;
  openLookup?: Open<unknown, Lookup>;
}

interface ConnectorDefinition<Name extends string, Schema extends z.ZodType> {
  readonly name: Name;
  readonly summary: string;
  /** Options of a connection; every field has a description (`.describe`). Secrets arrive resolved. */
  readonly configSchema: Schema;
  readonly holdsTables?: boolean;
  readonly takesCursor?: boolean;
  /** Only of destinations. */
  readonly capabilities?: Capabilities;
  /** How it is opened as a source. Asked for when first opened, so that a driver is loaded there: most commands need none. */
  source?(): Open<z.output<Schema>, Source>;
  destination?(): Open<z.output<Schema>, Destination>;
  lookup?(): Open<z.output<Schema>, Lookup>;
}

export function defineConnector<const Name extends string, Schema extends z.ZodType>(
  definition: ConnectorDefinition<Name, Schema>,
): Connector & { readonly name: Name } {
  const { source, destination, lookup, ...rest } = definition;
  const opening = <Side>(side: () => Open<z.output<Schema>, Side>): Open<unknown, Side> => async (config, context) => side()(rest.configSchema.parse(config), context);
  return { ...rest, ...(source && { openSource: opening(source) }), ...(destination && { openDestination: opening(destination) }), ...(lookup && { openLookup: opening(lookup) }) };
}
