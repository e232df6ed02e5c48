import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { sampleFile } from '../../src/connectors/file-source/sample';
import { unpackSchema, type FileEntry, type Place } from '../../src/connectors/file-source';
import { gatherReferences } from '../../src/activities/preview-references';
import { readWhole } from '../../src/domain/pipeline';
import { stepsOf, useEngine } from '../support/chain';

/** A look at a file reads its beginning, whatever its size. */
const engine = useEngine();
const folder = mkdtempSync(path.join(tmpdir(), 'millrace sample '));
const rows = 250_000;
const text = `id,word\n${Array.from({ length: rows }, (_, id) => `${id},${randomBytes(48).toString('hex')}\n`).join('')}`;
const control = { signal: new AbortController().signal, progress: () => undefined, reached: () => undefined } as never;
let created = 0;

beforeAll(() => {
  writeFileSync(path.join(folder, 'big.csv'), text);
  writeFileSync(path.join(folder, 'big.csv.gz'), gzipSync(text, { level: 1 }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder, as one that is here or as one that bytes are fetched from. */
function placeOf(local: boolean): { readonly place: Place; fetched(): number } {
  let fetched = 0;
  const entryOf = (name: string): FileEntry => ({ path: name, size: statSync(path.join(folder, name)).size, version: '1' });
  const place: Place = {
    check: () => Promise.reject(new Error('not asked')),
    list: async (pattern) => [entryOf(pattern)], find: async (name) => entryOf(name), label: (name) => name, close: async () => undefined,
    ...(local && { localPath: (entry: FileEntry) => path.join(folder, entry.path) }),
    async fetch(entry, to, _control, { from, to: end } = { from: 0, to: entry.size }) {
      const source = await open(path.join(folder, entry.path));
      const { buffer, bytesRead } = await source.read(Buffer.alloc(end - from), 0, end - from, from);
      await source.close();
      writeFileSync(to, buffer.subarray(0, bytesRead));
      fetched += bytesRead;
    },
  };
  return { place, fetched: () => fetched };
}

const landing = { create: async (extension: string) => { mkdirSync(path.join(folder, 'landing'), { recursive: true }); const file = path.join(folder, 'landing', `${created += 1}.${extension}`); return { key: file, path: file }; } };

it.each([['big.csv', true], ['big.csv', false], ['big.csv.gz', true], ['big.csv.gz', false]])('%s (here: %s) is fetched and unpacked to a few megabytes', async (name, local) => {
  const { place, fetched } = placeOf(local);
  const sample = await sampleFile(place, { unpack: unpackSchema.parse(undefined) } as never, { engine: engine.get(), baseFolder: folder, connection: 'here' }, { stream: readWhole(name), rows: 100, position: null }, landing, control);
  expect(sample.columns.map(({ name: column, type }) => `${column} ${type}`)).toEqual(['id BIGINT', 'word VARCHAR']);
  expect(statSync(sample.files[0]!.path).size).toBeLessThan(6e6);
  expect(fetched()).toBeLessThanOrEqual(4 << 20);
});

it('a big file that a step looks into is looked at as far as a table is', () => engine.get().session(new AbortController().signal, async (session) => {
  writeFileSync(path.join(folder, 'wide.csv'), `id,word\n${Array.from({ length: 40_000 }, (_, id) => `${id},${'x'.repeat(1000)}\n`).join('')}`);
  const stream = { ...readWhole('orders'), steps: stepsOf('- lookup: { file: wide.csv, on: { id: id }, columns: [word] }') };
  const none = () => Promise.reject(new Error('not asked'));
  const { 0: found } = await gatherReferences(session, stream, path.join(folder, 'connections.yaml'), { stream: none, table: none, fileRows: 30_000 });
  expect(await session.row(`SELECT count(*) AS n, max(id) AS last FROM "${found!['other']!.relation}"`)).toEqual({ n: '29999', last: '29998' });
  const [view] = await session.rows("SELECT sql FROM duckdb_views() WHERE view_name LIKE '%_whole'");
  expect(view!['sql']).not.toContain('wide.csv');
}));
