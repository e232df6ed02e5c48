import { silentOf } from '../../src/cli/fallen-silent';
import { createNews } from '../../src/cli/news';
import type { Pending } from '../../src/cli/pending';
import { createPacer, noPace } from '../../src/cli/pace';
import { openProgress } from '../../src/cli/progress';
import { barOf, linesOf, screenOf } from '../../src/cli/progress-lines';
import { columnsOf, fitted } from '../../src/cli/words';
import { openTerminal } from '../../src/cli/terminal';
import type { Figures, StreamFigures } from '../../src/cli/follow';

const stream = (facts: Partial<StreamFigures>): StreamFigures => ({
  stream: 'orders', to: 'orders', state: 'running', stage: 'extract', read: 0, loaded: 0, rejected: 0, bytes: 0, retries: 0, partitions: { total: 8, done: 0 }, estimatedRows: 1000, message: null, ...facts,
});
const figures = (facts: Partial<StreamFigures>): Figures => ({ run: 'shop/run-1', state: 'running', message: null, streams: [stream(facts)] });

describe('the pace', () => {
  it('comes from what was read between two looks', () => {
    let now = 0;
    const pace = createPacer(() => now);
    expect(pace(stream({}))).toEqual(noPace);
    now = 2000;
    expect(pace(stream({ read: 400, bytes: 8000 }))).toEqual({ rate: 200, byteRate: 4000, eta: 3 });
  });

  it('goes by partitions where the source cannot say how many rows there are', () => {
    let now = 0;
    const pace = createPacer(() => now);
    pace(stream({ estimatedRows: null }));
    now = 2000;
    expect(pace(stream({ estimatedRows: null, partitions: { total: 8, done: 4 } }))).toMatchObject({ rate: 0, eta: 2 });
  });

  it('tells no time where all is read: what check and publish take nobody knows', () => {
    let now = 0;
    const pace = createPacer(() => now);
    pace(stream({ stage: 'load' }));
    now = 2000;
    expect(pace(stream({ stage: 'publish', read: 900, partitions: { total: 8, done: 8 } }))).toMatchObject({ rate: 450, eta: null });
  });

  it('is never negative, where a partition is read again', () => {
    let now = 0;
    const pace = createPacer(() => now);
    pace(stream({ read: 500 }));
    now = 1000;
    expect(pace(stream({ read: 100 }))).toEqual(noPace);
  });
});

it('names in wide letters stand in their columns, and are cut at columns of the screen', () => {
  const [plain, wide] = ['orders', '注文一覧'].map((name) => linesOf(stream({ stream: name, read: 500 }), noPace, { width: 80 })[0]!);
  expect(columnsOf(wide!)).toBe(columnsOf(plain!));
  expect(wide!.indexOf('extract')).toBeLessThan(plain!.indexOf('extract'));
  for (const name of ['注文一覧表の非常に長い名前です', 'a😀b😀c😀d😀e😀f😀g😀h', 'a_table_with_a_long_name']) expect(columnsOf(fitted(name, 12))).toBeLessThanOrEqual(12);
  expect(fitted('a_table_with_a_long_name', 12)).toBe('a_tab…g_name');
});

describe('work whose worker went away', () => {
  const now = Date.parse('2026-08-01T00:00:00Z');
  const load = (facts: Partial<Pending>): Pending => ({
    activityId: 'orders/0003/load', state: 'running', attempt: 1, failure: null, since: 20, rows: 0, bytes: 0, worker: '4711@host', heardAt: now - 10_000, beatTimeout: 30_000, ...facts,
  });

  it('is what has told nothing for longer than a heartbeat may be on its way', () => {
    expect(silentOf([load({ heardAt: now - 5000 }), load({ state: 'waiting' }), load({ heardAt: null }), load({ beatTimeout: 1500 })], now)).toBeNull();
    expect(silentOf([load({}), load({ activityId: 'orders/0004/extract', heardAt: now - 8000 })], now)).toEqual({ activityIds: ['orders/0003/load', 'orders/0004/extract'], worker: '4711@host', until: '2026-08-01T00:00:22.000Z' });
  });

  it('is told once, with the time that is left at most', () => {
    const news = createNews();
    const silent = { activityIds: ['orders/0003/load', 'orders/0004/load', 'orders/0005/load'], worker: '4711@host', until: new Date(Date.now() + 19_700).toISOString() };
    expect(news.of(figures({ silent }))).toEqual([expect.stringMatching(/^orders\/0003\/load and 2 others wait for the worker that went away \(4711@host\); its heartbeat runs out in at most (19|20) s, then a worker that is there goes on$/)]);
    expect(news.of(figures({ silent: { ...silent, until: new Date(Date.now() + 900).toISOString() } }))).toEqual([]);
    expect(news.of(figures({}))).toEqual([]);
  });
});

const busy = stream({ read: 1_200_000, bytes: 34_000_000, rejected: 12, retries: 2, partitions: { total: 8, done: 3, stages: { extract: 1, transform: 0, load: 2 } } });
const pace = { rate: 350_000, byteRate: 1e7, eta: 4 };

it('a line says stage, rows, bytes, rate, partitions by stage, rejects, retries and time left', () => {
  expect(linesOf(busy, pace)).toEqual(['orders             extract  1,200,000 rows  34.0 MB  350k/s  3/8 parts (1 extract, 2 load)  12 rejected  2 retries  4 s left']);
  expect(linesOf(stream({ state: 'held' }), noPace)[0]).toMatch(/^orders +held {2}0 rows/);
});

it('names the stage that is furthest behind, and bytes per second until rows are known', () => {
  expect(linesOf(stream({ bytes: 2_000_000, partitions: { total: 1, done: 0, stages: { extract: 0, transform: 1, load: 0 } } }), { rate: 0, byteRate: 1_000_000, eta: null })[0])
    .toMatch(/transform {2}0 rows {2}2\.0 MB {2}1\.0 MB\/s {2}0\/1 part$/);
});

it('is broken between its figures where the screen is narrow', () => {
  const lines = linesOf(busy, pace, { width: 80, gap: ' ', name: 14 });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.join(' ').replace(/ +/g, ' ')).toBe(linesOf(busy, pace)[0]!.replace(/ +/g, ' '));
});

describe('the screen', () => {
  const many = [stream({ stream: 'done', state: 'succeeded' }), ...Array.from({ length: 30 }, (_, at) => stream({ stream: `s${at}`, state: 'queued', partitions: { total: 0, done: 0 } })), { ...busy, stream: 'at_work' }];

  it('stays within its width and height, shows what moves first, and counts the rest', () => {
    const lines = screenOf(many, () => pace, { width: 79, height: 10 });
    expect(lines.length).toBeLessThanOrEqual(10);
    const plain = lines.map((line) => line.replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), ''));
    expect(Math.max(...plain.map((line) => line.length))).toBeLessThanOrEqual(79);
    expect(plain.some((line) => line.includes('at_work'))).toBe(true);
    expect(plain.at(-1)).toMatch(/^and \d+ more: \d+ queued$/);
  });

  it('has a bar that grows with the stages and is full once the stream is published', () => {
    const full = (facts: Partial<StreamFigures>): number => barOf(stream(facts)).split('█').length - 1;
    const parts = (done: number, load: number) => ({ partitions: { total: 4, done, stages: { extract: 0, transform: 0, load } } });
    expect([full(parts(0, 0)), full(parts(0, 2)), full(parts(2, 0)), full(parts(4, 0)), full({ state: 'succeeded' })]).toEqual([0, 3, 4, 7, 8]);
  });
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

it('with --json, each change is one object a line, of its run', () => {
  const { lines, show } = written(true);
  show(figures({}));
  show(figures({}));
  show({ ...figures({}), run: 'shop/run-2' });
  show(figures({ read: 10, bytes: 5, retries: 1 }));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'progress', run: 'shop/run-1', streams: [{ stream: 'orders', read: 0 }] }, { event: 'progress', run: 'shop/run-2' }, { event: 'progress', run: 'shop/run-1', streams: [{ read: 10, bytes: 5, retries: 1, rate: expect.any(Number) as number }] },
  ]);
});
