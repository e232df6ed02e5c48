import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { parsePipeline } from '../../src/config/load-pipeline';
import { landFile } from '../../src/connectors/file-source/land';
import type { Engine } from '../../src/transforms/duckdb-engine';
import { landingIn, openBench, quietControl, type Bench } from '../support/files';

/** Files are counted and summed up as their bytes pass; `landingIn` compares the sum with what lies there. */
let bench: Bench;
beforeAll(async () => { bench = await openBench(); });
afterAll(() => bench.close());

const idle: Engine = { session: () => Promise.reject(new Error('the engine was asked')), file: () => Promise.reject(new Error('the engine was asked')), close: async () => undefined };
const lines = (count: number, line: (id: number) => string): string => Array.from({ length: count }, (_unused, id) => line(id)).join('');
/** More than the beginning by which it is told how to count, in lines that are worth it. */
const long = 10_000;
const words = 'with many words '.repeat(30);
const csvLines = lines(long, (id) => `${id},"a ""note"", of ${id}\nin two lines ${words} and some","x"\n`);
const orders = `id,note,x\n${csvLines}`;

async function land(name: string, content: Buffer): Promise<readonly number[]> {
  const folder = path.join(bench.home, 'landing');
  mkdirSync(folder, { recursive: true });
  const stream = parsePipeline(`pipeline: p\nsource: in\ndestination: out\nstreams:\n  - { stream: "${name}", to: t, mode: full, write: replace }\n`, 'test.yaml').streams[0]!;
  const landing = landingIn(folder);
  const raw = await landing.create(path.extname(name).slice(1));
  writeFileSync(raw.path, content);
  const landed = await landFile({ engine: idle, landing, stream, control: quietControl(), limits: { max_bytes: 1e9, max_ratio: 1000, max_members: 10 }, wanted: () => true }, raw, name, name);
  return landed.map(({ rows }) => rows);
}

test.each([
  ['orders.csv.gz', gzipSync(orders), long],
  ['orders.csv', Buffer.from(orders), long],
  ['small.csv.gz', gzipSync('id,name\n1,a\n2,b'), 2],
  ['marked.csv.gz', gzipSync('\uFEFFid;name\r\n1;a\r\n'), 1],
  ['western.csv.gz', gzipSync(Buffer.from(orders.replaceAll('some', 'M\u00fcller'), 'latin1')), long],
  ['wide.csv', Buffer.from(`\uFEFF${orders.replaceAll(',', ';')}`, 'utf16le'), long],
  ['events.jsonl.gz', gzipSync(lines(long, (id) => `{"id": ${id}, "n": 1.5, "note": "${words}"}\r\n\n`)), long],
  ['log.txt.gz', gzipSync(lines(long, (id) => `line ${id} ${words}\n \n`)), long],
])('%s is counted as it is written, and by nobody else', async (name, content, rows) => {
  expect(await land(name, content)).toEqual([rows]);
});

test.each([
  ['text after a closing quote', `${csvLines}1,"a"b,c\n`],
  ['a quote that does not close', `${csvLines}1,"a,c\n2,b,c\n`],
  ['a carriage return alone', `${csvLines}1,a\rb,c\n`],
])('%s beyond the beginning leaves the count to the careful reader', async (_name, content) => {
  await expect(land('doubtful.csv.gz', gzipSync(`id,note,x\n${content}`))).rejects.toThrow('the engine was asked');
  bench.put('doubtful.csv.gz', gzipSync(`id,note,x\n${content}`));
  const found = await bench.read('doubtful.csv.gz');
  expect([found.rows.length, found.rejects.length]).toEqual([content.includes('2,b') ? long + 1 : long, 1]);
  expect(found.count).toBe(found.rows.length + found.rejects.length);
});

test('a number too long for a double is seen on the way, however far in', async () => {
  bench.put('far.jsonl.gz', gzipSync(`${lines(long, (id) => `{"id": ${id}, "total": 1.25, "note": "${words}"}\n`)}{"id": -1, "total": 0.12345678901234567891, "note": null}\n`));
  const found = await bench.read('far.jsonl.gz', 'types: { total: "DECIMAL(38,20)" }');
  expect(found.rows.at(-1)).toEqual({ id: '-1', total: '0.12345678901234567891', note: null });
  expect(found.count).toBe(long + 1);
});
