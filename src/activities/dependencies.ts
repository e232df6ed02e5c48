import type { Destination, Lookup, Source } from '../connectors/connector';
import type { KillPoint } from '../domain/control';
import type { StagingStore } from '../stores/staging';
import type { Engine } from '../transforms/duckdb-engine';

/** What the worker composes once and every activity works with. */
export interface Dependencies {
  readonly staging: StagingStore;
  readonly engine: Engine;
  /** Opens a connection by name; secrets are resolved here and nowhere earlier. */
  openSource(connectionsFile: string, connection: string): Promise<Source>;
  openDestination(connectionsFile: string, connection: string): Promise<Destination>;
  openLookup(connectionsFile: string, connection: string): Promise<Lookup>;
  /** What a reference such as `${env:KEY}` in a step stands for on this worker. */
  resolveSecret(connectionsFile: string, reference: string): Promise<string>;
  readonly taskQueue: string;
  readonly heartbeatTimeout: string;
  readonly version: string;
  /** Machine and home, for people who look for the worker that has a run's staging. */
  readonly worker?: string;
  /** Crash tests end the process here; otherwise does nothing. */
  reached(point: KillPoint): void;
}
