import { exitCodeOfError, exitCodeOfSummary } from '../../src/cli/exit-codes';
import { BalanceError, ConfigurationError, DestinationHeldError, SourceUnavailableError } from '../../src/domain/errors';
import type { RunState } from '../../src/domain/receipt';
import { summaryWith, streamWith } from './a-summary';

describe('the exit code', () => {
  it.each<[RunState, number]>([['succeeded', 0], ['succeeded_with_rejects', 2], ['cancelled', 7], ['held', 8]])('of a run that is %s is %d', (state, code) => {
    expect(exitCodeOfSummary(summaryWith({ state, streams: [] }))).toBe(code);
  });

  it.each([['source', 5], ['destination', 6], ['check', 3], ['configuration', 4], ['internal', 1]])('of a run that failed follows the area %s: %d', (area, code) => {
    const streams = [streamWith({}), streamWith({ state: 'failed', error: { message: 'no', area } })];
    expect(exitCodeOfSummary(summaryWith({ state: 'failed', streams }))).toBe(code);
  });

  it('of an error follows its area', () => {
    expect([new ConfigurationError('a'), new SourceUnavailableError('a'), new DestinationHeldError('a'), new BalanceError('a'), new Error('a')].map(exitCodeOfError)).toEqual([4, 5, 6, 3, 1]);
  });
});
