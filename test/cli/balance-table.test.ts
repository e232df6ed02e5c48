import { stripVTControlCharacters } from 'node:util';
import { balanceTable, remarks } from '../../src/cli/balance-table';
import { noTotals, type Totals } from '../../src/domain/balance';
import { streamWith, summaryWith } from './a-summary';

const totals = (facts: Partial<Totals>): Totals => ({ ...noTotals, ...facts });
const tableOf = (...args: Parameters<typeof balanceTable>): readonly string[] => stripVTControlCharacters(balanceTable(...args)).split('\n');

describe('the balance table', () => {
  it('shows what moved, and leaves out what is 0 throughout', () => {
    const moved = totals({ read: 3201, loaded: 3152, rejected: 25, deduplicated: 24 });
    expect(tableOf(summaryWith({ state: 'succeeded_with_rejects', streams: [streamWith({ stream: 'movies.json', state: 'succeeded_with_rejects', totals: moved })], totals: moved }))).toEqual([
      'stream        read  loaded  rejected  dedupl.  state',
      'movies.json  3,201   3,152        25       24  with rejects',
    ]);
  });

  it('sums several streams', () => {
    const one = totals({ read: 2, loaded: 2 });
    expect(tableOf(summaryWith({ streams: [streamWith({ totals: one }), streamWith({ stream: 'lines', totals: one })], totals: totals({ read: 4, loaded: 4 }) })).at(-1)).toMatch(/^all\s+4\s+4\s+0\s+succeeded$/);
  });

  it('stays within 80 columns with long names and billions of rows', () => {
    const many = totals({ read: 3e9, created: 3e9, loaded: 3e9, rejected: 3e5, filtered: 3e5, deduplicated: 3e5, aggregated: 3e5 });
    const lines = tableOf(summaryWith({ streams: [streamWith({ stream: 'a_schema_with_a_long_name.and_a_table_with_a_longer_one', totals: many, state: 'succeeded_with_rejects' })], totals: many }));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}created +3,000,000,000$/));
  });
});

it('remarks tell why a stream failed, which check did not hold, and where rejected rows lie', () => {
  const summary = summaryWith({
    streams: [streamWith({
      totals: totals({ read: 2, loaded: 1, rejected: 1 }), notes: ['no key: read in one partition'], error: { message: 'no', area: 'check' },
      checks: [{ check: 'row_count', onFail: 'warn', passed: false, failingRows: 1, message: 'row_count is 1' }, { check: 'unique', onFail: 'block', passed: true, failingRows: 0, message: '' }],
    })],
  });
  expect(remarks(summary)).toEqual([
    'orders: no', 'orders: check row_count (warn): row_count is 1', 'orders: no key: read in one partition',
    'orders: see rejected rows with "millrace quarantine show shop/run-2026-08-01T00:00:00Z"',
  ]);
});
