import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { filesBelow, openBench, type Bench } from '../support/files';

/** Compressed files and archives, made by the system's own tools. */
let bench: Bench;
beforeAll(async () => { bench = await openBench(); });
afterAll(() => bench.close());

const text = 'id,name\n1,a\n2,b\n';
const rows = [{ id: '1', name: 'a' }, { id: '2', name: 'b' }];
const packed = (command: string, ...args: string[]): Buffer => execFileSync(command, args, { input: text });

test.each([
  ['gzip', () => gzipSync(text)], ['bzip2', () => packed('bzip2', '-c')], ['xz', () => packed('xz', '-c')], ['zstd', () => packed('zstd', '-c')],
  ['gzip of two members', () => Buffer.concat([gzipSync('id,name\n1,a\n'), gzipSync('2,b\n')])],
  ['bzip2 in gzip', () => gzipSync(packed('bzip2', '-c'))],
])('%s is unpacked, whatever the file is called', async (kind, make) => {
  const name = `${kind.replaceAll(' ', '_')}.csv`;
  bench.put(name, make());
  expect((await bench.read(name)).rows).toEqual(rows);
  bench.put(`${name}.gz`, make());
  expect((await bench.read(`${name}.gz`)).rows).toEqual(rows);
});

function archive(name: string, members: Record<string, string | Buffer>, ...command: string[]): void {
  const folder = path.join(bench.home, `make-${name}`);
  for (const [member, content] of Object.entries(members)) {
    mkdirSync(path.dirname(path.join(folder, member)), { recursive: true });
    writeFileSync(path.join(folder, member), content);
  }
  execFileSync(command[0]!, [...command.slice(1), path.join(bench.home, 'in', name), ...Object.keys(members)], { cwd: folder, stdio: 'pipe' });
}
const zip = ['python3', '-c', 'import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)\nfor m in sys.argv[2:]: z.write(m)\nz.close()'];

test.each([['drop.zip', zip], ['drop.tar', ['tar', 'cf']], ['drop.tgz', ['tar', 'czf']], ['drop.tar.bz2', ['tar', 'cjf']], ['drop.tar.xz', ['tar', 'cJf']]])('%s: each file in it by its own ending, in its order', async (name, command) => {
  archive(name, { 'eu/a.csv': text, 'us/b.jsonl': '{"id": 3, "name": "c"}\n', 'c.csv.gz': gzipSync('id,name\n4,d\n') }, ...command);
  const found = await bench.read(name);
  expect(found.rows).toEqual([...rows, { id: '3', name: 'c' }, { id: '4', name: 'd' }]);
  expect(found.landed.map(({ origin }) => origin)).toEqual([`${name.replace('tgz', 'tar').replace(/\.(bz2|xz)$/, '')}!eu/a.csv`, expect.stringContaining('!us/b.jsonl'), expect.stringContaining('!c.csv')]);
  expect(found.count).toBe(4);
});

test('what is in an archive can be chosen', async () => {
  archive('mixed.zip', { 'a.csv': text, 'notes.md': 'nothing\n' }, ...zip);
  await expect(bench.read('mixed.zip')).rejects.toThrow('its ending does not tell a format');
  expect((await bench.read('mixed.zip!*.csv')).rows).toEqual(rows);
});

test.each([
  ['gzip', () => gzipSync(text.repeat(1000)).subarray(0, 60)], ['bzip2', () => packed('bzip2', '-c').subarray(0, 30)], ['xz', () => packed('xz', '-c').subarray(0, 50)], ['zstd', () => packed('zstd', '-c').subarray(0, 20)],
])('a %s file that was cut off is refused', async (kind, make) => {
  bench.put(`cut-${kind}.csv`, make());
  await expect(bench.read(`cut-${kind}.csv`)).rejects.toThrow(/decompressing a \w+ file: .*fetch the file again/);
});

test('a bomb is stopped by its ratio, by its size and by its depth', async () => {
  const bomb = gzipSync(Buffer.alloc(80 << 20));
  bench.put('bomb.csv.gz', bomb);
  await expect(bench.read('bomb.csv.gz')).rejects.toThrow('more than 1000 times');
  let nested = gzipSync(text);
  for (let level = 0; level < 6; level += 1) nested = gzipSync(nested);
  bench.put('nested.csv.gz', nested);
  await expect(bench.read('nested.csv.gz')).rejects.toThrow('packed more than 5 times');
});

test('names that lead out of an archive are refused, and nothing is written outside', async () => {
  const before = filesBelow(bench.home).filter((name) => !/^(landing|temp)\//.test(name));
  for (const [name, make] of [['evil.zip', 'zipfile'], ['evil.tar', 'tarfile']] as const) {
    execFileSync('python3', ['-c', `
import zipfile, tarfile, io, sys
if "${make}" == "zipfile":
    z = zipfile.ZipFile(sys.argv[1], "w"); z.writestr("../../evil.csv", "id\\n1\\n"); z.close()
else:
    t = tarfile.open(sys.argv[1], "w"); i = tarfile.TarInfo("../../evil.csv"); i.size = 5; t.addfile(i, io.BytesIO(b"id\\n1\\n")); t.close()
`, path.join(bench.home, 'in', name)]);
    await expect(bench.read(name)).rejects.toThrow(/leads out of its folder|invalid relative path/);
  }
  expect(filesBelow(bench.home).filter((name) => !/^(landing|temp)\//.test(name))).toEqual([...before, 'in/evil.tar', 'in/evil.zip'].sort());
});
