import { cases, type Case } from '../corpus/cases';
import { openBench, type Bench } from '../support/files';

/** Nasty files, each with what must come of it. */
let bench: Bench;
beforeAll(async () => { bench = await openBench(); });
afterAll(() => bench.close());

test('there are sixty of them or more', () => expect(cases.length).toBeGreaterThanOrEqual(60));

const shown = (row: Readonly<Record<string, string | null>>): string => Object.entries(row).filter(([, value]) => value !== null).map(([name, value]) => `${name}=${value}`).join(' ');

test.each(cases.map((one, index): [string, Case, number] => [one.name, one, index]))('%s', async (_name, { file, content, words, rows, rejects, refused }, index) => {
  const name = `${index}/${file}`;
  bench.put(name, content);
  const reading = bench.read(name, words);
  if (refused && !rows) return void await expect(reading).rejects.toThrow(refused);
  const found = await reading;
  expect(found.rows.map(shown)).toEqual(rows);
  expect(found.rejects.map(({ line }) => (line === null ? null : Number(line)))).toEqual(rejects ?? []);
  expect(found.rejects.every(({ raw, reasons }) => raw !== null && JSON.parse(reasons).length > 0)).toBe(true);
  expect(found.count).toBe(found.rows.length + found.rejects.length);
});
