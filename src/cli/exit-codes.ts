import { EtlError } from '../domain/errors';
import type { RunState, RunSummary } from '../domain/receipt';

/** What a calling script can tell apart (semantics 16). */
export const exitCodes = {
  success: 0, other: 1, rejects: 2, check: 3, configuration: 4, source: 5, destination: 6, cancelled: 7, held: 8, detached: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeOfArea = (area: string): ExitCode => {
  switch (area) {
    case 'configuration': return exitCodes.configuration;
    case 'source': return exitCodes.source;
    case 'destination': return exitCodes.destination;
    case 'check': return exitCodes.check;
    default: return exitCodes.other;
  }
};

export const exitCodeOfError = (error: unknown): ExitCode => (EtlError.is(error) ? exitCodeOfArea(error.area) : exitCodes.other);

/** A failed run goes by its first failed stream. */
export function exitCodeOfSummary({ state, streams }: Pick<RunSummary, 'state' | 'streams'>): ExitCode {
  if (state === 'failed') return exitCodeOfArea(streams.find(({ error }) => error !== null)?.error?.area ?? 'internal');
  return exitCodeOfState(state);
}

export function exitCodeOfState(state: RunState): ExitCode {
  switch (state) {
    case 'succeeded': return exitCodes.success;
    case 'succeeded_with_rejects': return exitCodes.rejects;
    case 'cancelled': return exitCodes.cancelled;
    case 'held': return exitCodes.held;
    default: return exitCodes.other;
  }
}
