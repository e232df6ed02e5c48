import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Position } from '../../src/domain/position';
import { openBench, type Bench, type Reading } from '../support/files';

/** Logs that grow and are rotated: every line is read once. */
let bench: Bench;
let position: Position | null;
beforeEach(async () => { bench = await openBench(); position = null; });
afterEach(() => bench.close());

const line = (id: number): string => `{"id": ${id}}\n`;
const at = (name: string): string => path.join(bench.home, 'in', name);
async function next(pattern = 'app.jsonl*'): Promise<Reading & { readonly ids: readonly string[] }> {
  const found = await bench.read(pattern, 'changed_file: follow, format: jsonl', { position });
  ({ position } = found.plan);
  return { ...found, ids: found.rows.map((row) => row['id']!) };
}

test('what was appended is read by the next run, once; an unfinished line waits', async () => {
  bench.put('app.jsonl', line(1) + line(2) + '{"id"');
  const first = await next();
  expect(first.ids).toEqual(['1', '2']);
  expect(first.plan.notes).toContainEqual(expect.stringContaining('has no line break yet'));
  expect((await next()).ids).toEqual([]);
  appendFileSync(at('app.jsonl'), `: 3}\n${line(4)}`);
  const second = await next();
  expect(second.ids).toEqual(['3', '4']);
  expect(second.landed[0]!.origin).toBe('app.jsonl (from byte 20)');
  expect((await next()).ids).toEqual([]);
});

test('a rotated file goes on under its new name, also one that the pattern does not name', async () => {
  bench.put('app.jsonl', line(1));
  expect((await next('app.jsonl')).ids).toEqual(['1']);
  appendFileSync(at('app.jsonl'), line(2) + '{"id": 3}');
  renameSync(at('app.jsonl'), at('app.jsonl.1'));
  writeFileSync(at('app.jsonl'), line(4));
  expect([...(await next('app.jsonl')).ids].sort()).toEqual(['2', '3', '4']);
  expect((await next('app.jsonl')).ids).toEqual([]);
});

test('a rotation that copies and truncates loses and doubles nothing', async () => {
  bench.put('app.jsonl', line(1) + line(2));
  expect((await next()).ids).toEqual(['1', '2']);
  appendFileSync(at('app.jsonl'), line(3));
  copyFileSync(at('app.jsonl'), at('app.jsonl.1'));
  truncateSync(at('app.jsonl'));
  appendFileSync(at('app.jsonl'), line(4));
  expect([...(await next()).ids].sort()).toEqual(['3', '4']);
  expect((await next()).ids).toEqual([]);
});

test('a file that was truncated or written anew is noticed and read from its beginning', async () => {
  bench.put('app.jsonl', line(1) + line(2));
  await next();
  truncateSync(at('app.jsonl'));
  appendFileSync(at('app.jsonl'), line(7));
  const found = await next();
  expect(found.ids).toEqual(['7']);
  expect(found.plan.notes).toContainEqual(expect.stringContaining('was truncated or written anew'));
  truncateSync(at('app.jsonl'));
  appendFileSync(at('app.jsonl'), line(8) + line(9));
  expect((await next()).ids).toEqual(['8', '9']);
});

test('a file that is gone is told, with how far it was read', async () => {
  bench.put('app.jsonl', line(1));
  await next();
  renameSync(at('app.jsonl'), path.join(bench.home, 'elsewhere'));
  bench.put('app.jsonl', line(5));
  const found = await next();
  expect(found.ids).toEqual(['5']);
  expect(found.plan.notes).toContainEqual(expect.stringMatching(/is gone, read up to byte \d+|truncated or written anew/));
});

test('a format that is not one record per line cannot be followed', async () => {
  bench.put('app.csv', 'id\n1\n');
  await expect(bench.read('app.csv', 'changed_file: follow')).rejects.toThrow('needs one record per line');
});
