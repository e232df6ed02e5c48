import { addTotals, balances, chainProblems, closes, emptyLine, noTotals, sumLines } from '../../src/domain/balance';

const line = (step: string, counts: Partial<ReturnType<typeof emptyLine>>) => ({ ...emptyLine(step), ...counts });

describe('balance', () => {
  it('closes when every row of a step went somewhere', () => {
    expect(closes(line('cast', { in: 10, out: 7, rejected: 2, filtered: 1 }))).toBe(true);
    expect(closes(line('explode', { in: 10, created: 5, out: 15 }))).toBe(true);
    expect(closes(line('cast', { in: 10, out: 9 }))).toBe(false);
  });

  it('names a gap between two steps, a line that does not close, and rows that were not staged', () => {
    const lines = [line('trim', { in: 10, out: 10 }), line('filter', { in: 9, out: 8, filtered: 1 }), line('cast', { in: 8, out: 7 })];
    expect(chainProblems(lines, 10, 6)).toEqual([
      '"cast" does not close: in 8 + created 0 = out 7 + rejected 0 + filtered 0 + deduplicated 0 + aggregated 0',
      '"filter" received 9 rows, 10 were handed on',
      '6 rows are staged, the last step handed on 7',
    ]);
    expect(chainProblems([line('trim', { in: 10, out: 10 })], 10, 10)).toEqual([]);
  });

  it('sums the lines of batches step by step, in the order of the chain', () => {
    const batch = [line('0 trim', { in: 3, out: 3 }), line('1 filter', { in: 3, out: 2, filtered: 1 })];
    expect(sumLines([batch, batch]).map(({ step, in: received, out, filtered }) => [step, received, out, filtered])).toEqual([
      ['0 trim', 6, 6, 0],
      ['1 filter', 6, 4, 2],
    ]);
  });

  it('adds totals and judges them', () => {
    const totals = addTotals({ ...noTotals, read: 5, loaded: 3 }, { ...noTotals, rejected: 2 });
    expect(balances(totals)).toBe(true);
    expect(balances({ ...totals, loaded: 4 })).toBe(false);
  });
});
