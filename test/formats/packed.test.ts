import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
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

const changed = (bytes: Buffer, at: number): Buffer => { const copy = Buffer.from(bytes); copy[at < 0 ? copy.length + at : at]! ^= 0xff; return copy; };
const zstd = (content: string, ...words: string[]): Buffer => execFileSync('zstd', ['-c', ...words], { input: content });
const skippable = Buffer.from('502a4d180400000061626364', 'hex');

test.each([
  ['gzip', () => changed(gzipSync(text), -8)], ['bzip2', () => changed(packed('bzip2', '-c'), 12)], ['bzip2, in its tables', () => changed(packed('bzip2', '-c'), 30)], ['xz', () => changed(packed('xz', '-c'), 30)],
  ['zstd, in its checksum', () => changed(packed('zstd', '-c'), -1)], ['zstd, in a value', () => changed(packed('zstd', '-c'), -6)], ['zstd, after a frame that is whole', () => Buffer.concat([zstd(text), changed(zstd('3,c\n'), -1)])],
  ['zstd, of another size than it says', () => { const frame = execFileSync('zstd', ['-c', '--no-check', bench.put('told.csv', text)]); frame[5]! += 1; return frame; }],
])('a file of which a byte was changed is refused and never read with other values: %s', async (_kind, make) => {
  bench.put('changed.csv', make());
  await expect(bench.read('changed.csv')).rejects.toThrow(/decompressing a \w+ file: (incorrect data check|Error in bzip2|it is damaged or was cut off|its content does not match its checksum|a frame of \d+ bytes unpacks to \d+)/);
});

test('zstd of many frames, of tiny ones and with what is to be skipped between them', async () => {
  bench.put('frames.csv', Buffer.concat([skippable, zstd('id,name\n'), skippable, zstd(''), zstd('1,a\n', '--no-check'), zstd('2,b\n', '-19'), skippable]));
  expect((await bench.read('frames.csv')).rows).toEqual(rows);
});

test.each([
  ['zstd, a window of gigabytes', () => zstd(text, '--long=31', '--ultra'), 'needs a window of 2147483648 bytes'],
  ['zstd, other bytes after the last frame', () => Buffer.concat([zstd(text), Buffer.from('more')]), 'what follows its last frame is not zstd'],
  ['xz, a checksum of a kind that is not known', () => packed('xz', '-c', '--check=sha256'), 'pack it with "xz --check=crc64"'],
])('a file with %s is refused', async (_what, make, why) => {
  bench.put('strange.csv', make());
  await expect(bench.read('strange.csv')).rejects.toThrow(why);
});

test('a file that is not packed at all is read under the name of one, an empty one is not', async () => {
  bench.put('plain.csv.gz', text);
  expect((await bench.read('plain.csv.gz')).rows).toEqual(rows);
  expect((await bench.read('plain.csv.gz', 'format: { csv: { compression: gzip } }')).rows).toEqual(rows);
  bench.put('told.csv', gzipSync(text));
  expect((await bench.read('told.csv', 'format: { csv: { compression: zstd } }')).rows).toEqual(rows);
  bench.put('empty.csv.gz', '');
  await expect(bench.read('empty.csv.gz')).rejects.toThrow('it is empty, which no packed file is');
});

const tarOf = (script: string): Buffer => execFileSync('python3', ['-c', `
import tarfile, io, sys, zipfile
b = io.BytesIO()
def add(t, name, content, **more):
    i = tarfile.TarInfo(name); i.size = len(content)
    for k, v in more.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(content))
${script}
sys.stdout.buffer.write(b.getvalue())`]);

test('an archive that was cut off between two of its files is refused', async () => {
  const whole = tarOf('t = tarfile.open(fileobj=b, mode="w"); add(t, "a.csv", b"id\\n1\\n"); add(t, "b.csv", b"id\\n2\\n"); t.close()');
  bench.put('whole.tar', whole);
  expect((await bench.read('whole.tar')).count).toBe(2);
  for (const [name, end] of [['one.tar', 1024], ['two.tar', 2048]] as const) {
    bench.put(name, whole.subarray(0, end));
    await expect(bench.read(name)).rejects.toThrow('it was cut off between two of its files');
  }
});

test.each(['gnu', 'pax'])('a sparse file in a %s archive is refused: what is stored of it is not the file', async (format) => {
  const file = bench.put('sparse/s.csv', 'id\n1\n');
  truncateSync(file, 5_000_000);
  execFileSync('tar', ['-C', path.dirname(file), '--sparse', `--format=${format}`, '-cf', path.join(bench.home, 'in', 'sparse.tar'), 's.csv']);
  await expect(bench.read('sparse.tar')).rejects.toThrow('is stored as a sparse file');
});

test('links in archives are passed over: what they name is none of ours', async () => {
  bench.put('links.tar', tarOf('t = tarfile.open(fileobj=b, mode="w"); add(t, "a.csv", b"id\\n1\\n"); add(t, "b.csv", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"); t.close()'));
  bench.put('links.zip', tarOf('z = zipfile.ZipFile(b, "w"); i = zipfile.ZipInfo("b.csv"); i.create_system = 3; i.external_attr = 0o120777 << 16; z.writestr(i, "/etc/passwd"); z.writestr("a.csv", "id\\n1\\n"); z.close()'));
  for (const name of ['links.tar', 'links.zip']) expect((await bench.read(name)).rows).toEqual([{ id: '1' }]);
});
