import { createPacer, lineOf, openProgress } from '../../src/cli/progress';
import { openTerminal } from '../../src/cli/terminal';
import type { Figures, StreamFigures } from '../../src/cli/follow';

const stream = (facts: Partial<StreamFigures>): StreamFigures => ({
  stream: 'orders', to: 'orders', state: 'running', stage: 'extract', read: 0, loaded: 0, rejected: 0, partitions: { total: 8, done: 0 }, estimatedRows: 1000, message: null, ...facts,
});
const figures = (facts: Partial<StreamFigures>): Figures => ({ state: 'running', message: null, streams: [stream(facts)] });

it('rate and time left come from what was read between two looks', () => {
  let now = 0;
  const pace = createPacer(() => now);
  expect(pace(stream({}))).toEqual({ rate: 0, eta: null });
  now = 2000;
  expect(pace(stream({ read: 400 }))).toEqual({ rate: 200, eta: 3 });
});

it('a line says stage, rows, rate, partitions, rejects and time left', () => {
  expect(lineOf(stream({ read: 1_200_000, rejected: 12, partitions: { total: 8, done: 3 } }), { rate: 350_000, eta: 4 }))
    .toBe('orders             extract  1,200,000 rows  350k/s  3/8 parts  12 rejected  4 s left');
  expect(lineOf(stream({ state: 'held' }), { rate: 0, eta: null })).toMatch(/^orders +held {2}0 rows/);
});

function written(json: boolean): { readonly lines: string[]; readonly show: (one: Figures) => void } {
  const lines: string[] = [];
  const view = openProgress(openTerminal({ json, stdout: { write: (text: string) => lines.push(...text.trimEnd().split('\n')) > 0 }, stderr: { write: () => true } }));
  return { lines, show: (one) => view.show(one) };
}

it('without a terminal, a stream speaks when its stage changes', () => {
  const { lines, show } = written(false);
  show(figures({}));
  show(figures({ read: 10 }));
  show(figures({ read: 10, stage: 'publish' }));
  expect(lines.map((line) => line.replace(/ +/g, ' '))).toEqual(['orders extract 0 rows 0/8 parts', expect.stringMatching(/^orders publish 10 rows /)]);
});

it('with --json, each change is one object a line', () => {
  const { lines, show } = written(true);
  show(figures({}));
  show(figures({}));
  show(figures({ read: 10 }));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event: 'progress', streams: [{ stream: 'orders', read: 0 }] }, { event: 'progress', streams: [{ read: 10 }] }]);
});
