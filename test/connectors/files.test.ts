import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { WorkflowHandle } from '@temporalio/client';
import { openEngine, type Engine } from '../../src/transforms/duckdb-engine';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { eventually } from '../support/temporal';
import { install, type Installation } from '../support/worker';

/** Files as sources: what cannot be read is set aside with its line; a file is read once; a changed file is noticed. */
let database: TestDatabase;
let place: Installation;
let engine: Engine;
beforeAll(async () => {
  database = await createDatabase();
  place = await install(`in: { connector: files, path: in }\ndb: { connector: postgres, url: "${database.url}" }\n`);
  mkdirSync(path.join(place.home, 'in'));
  await place.startWorker();
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(place.home, 'look'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await place.close();
  await database.drop();
});

const put = (name: string, content: string | Buffer) => writeFileSync(path.join(place.home, 'in', name), content);
const yaml = (name: string, file: string, words: string) => `pipeline: ${name}\nsource: in\ndestination: db\non_failure: fail\nstreams:\n  - { stream: "${file}", to: ${name}, ${words} }\n`;
const quarantineOf = (name: string) => engine.session(new AbortController().signal, (session) =>
  session.rows(`SELECT line, reasons, raw, origin FROM read_parquet('${place.home.replaceAll("'", "''")}/staging/quarantine/${name}/**/*.parquet') ORDER BY position`));

test('a dirty CSV: every record is loaded or set aside with its line, and types misfits are named', async () => {
  put('dirty.csv', Buffer.concat([
    Buffer.from('id,born,amount\n1,2026-01-31,1.5\n2,2026-02-30,2\n3,2026-03-01\n4,2026-03-01,x\n9223372036854775808,2026-03-01,3\n6,2026-03-01,4,extra\n"7","2026-03-01","5"\n'),
    Buffer.from([0x38, 0x2c, 0x32, 0x30, 0x32, 0x36, 0x2d, 0x30, 0x31, 0x2d, 0x30, 0x31, 0x2c, 0xff, 0x0a]), Buffer.from('9,2026-01-01,\n'),
  ]));
  const summary = await place.run(yaml('dirty', 'dirty.csv', 'mode: full, write: replace, types: { id: BIGINT, born: DATE, amount: "DECIMAL(10,2)" }'));
  expect(summary.streams[0]!.error).toBeNull();
  expect(summary).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 9, loaded: 3, rejected: 6 } });
  expect(await database.rows('SELECT id, born, amount FROM dirty ORDER BY id')).toEqual([
    { id: '1', born: '2026-01-31', amount: '1.50' }, { id: '7', born: '2026-03-01', amount: '5.00' }, { id: '9', born: '2026-01-01', amount: null }]);
  const aside = await quarantineOf('dirty');
  expect(aside.map((row) => row['line'])).toEqual(['3', '4', '5', '6', '7', '9']);
  expect(aside.every((row) => row['origin'] === 'dirty.csv' && JSON.parse(row['reasons']!).length > 0)).toBe(true);
});

test('JSON Lines: a line that is not JSON is one reject; mixed kinds stay text; nested values are JSON text', async () => {
  put('events.jsonl', '{"id": 1, "kind": "a", "more": {"x": [1, 2]}}\nnot json\n{"id": 2, "kind": 3}\n\n{"id": "zwei", "kind": null}\n');
  const summary = await place.run(yaml('events', 'events.jsonl', 'mode: full, write: replace, types: { id: BIGINT }'));
  expect(summary.streams[0]!.error).toBeNull();
  expect(summary.totals).toMatchObject({ read: 4, loaded: 2, rejected: 2 });
  expect(await database.rows('SELECT id, kind, more FROM events ORDER BY id')).toEqual([{ id: '1', kind: 'a', more: '{"x":[1,2]}' }, { id: '2', kind: '3', more: null }]);
});

test.each([['nothing.csv', ''], ['pretty.jsonl', '{\n  "id": 1\n}\n'], ['bare.jsonl', '{}\n{}\n'], ['none-yet*.csv', null]])('%s: without any column there is no table, and it is said why', async (name, content) => {
  if (content !== null) put(name, content);
  const { streams } = await place.run(yaml('without', name, 'mode: incremental, write: append'));
  expect(streams[0]!.error).toMatchObject({ area: 'source', message: expect.stringContaining(`planning stream "${name}": ${content === null ? 'no file matches' : 'none of its 1 files has a column'}`) as string });
});

test('files are read once, whatever their compression, and a changed one is noticed', async () => {
  put('day1.csv.gz', gzipSync('id,code\n1,007\n2,008\n'));
  const words = 'mode: incremental, write: append, visible: run';
  expect((await place.run(yaml('days', 'day*.csv*', words))).totals).toMatchObject({ read: 2, loaded: 2 });
  expect((await place.run(yaml('days', 'day*.csv*', words))).totals).toMatchObject({ read: 0, loaded: 0 });
  put('day2.csv', 'id,code\n3,009\n');
  expect((await place.run(yaml('days', 'day*.csv*', words))).totals).toMatchObject({ read: 1, loaded: 1 });
  expect((await database.rows('SELECT code FROM days ORDER BY 1')).map((row) => row['code'])).toEqual(['007', '008', '009']);

  put('day2.csv', 'id,code\n3,010\n4,011\n');
  expect(await place.run(yaml('days', 'day*.csv*', words))).toMatchObject({ state: 'failed', streams: [{ error: { area: 'source', message: expect.stringContaining('changed after it was loaded') as string } }] });
  expect((await place.run(yaml('days', 'day*.csv*', `${words}, changed_file: reload`))).totals).toMatchObject({ read: 2, loaded: 2 });
  expect((await database.rows('SELECT code FROM days ORDER BY 1')).map((row) => row['code'])).toEqual(['007', '008', '010', '011']);
});

test('rows of one file are not taken away with those of another that lie in the same batch', async () => {
  put('pair1.csv', 'id,code\n1,a\n2,b\n');
  put('pair2.csv', 'id,code\n3,c\n');
  const words = 'mode: incremental, write: merge, key: id';
  const whole = `${words}, steps: [{ deduplicate: { keys: [id] } }]`;
  expect((await place.run(yaml('pairs', 'pair*.csv', whole))).totals).toMatchObject({ read: 3, loaded: 3 });
  put('pair1.csv', 'id,code\n1,a2\n2,b2\n');
  expect(await place.run(yaml('pairs', 'pair*.csv', whole))).toMatchObject({ state: 'failed', streams: [{ error: { message: expect.stringContaining('changed after it was loaded') as string } }] });
  // Without the step each file has a batch of its own again; that of the first run holds both.
  expect(await place.run(yaml('pairs', 'pair*.csv', words))).toMatchObject({ state: 'failed', streams: [{ error: { message: expect.stringContaining('lie in one batch with those of "pair2.csv"') as string } }] });
  expect((await database.rows('SELECT code FROM pairs ORDER BY id')).map((row) => row['code'])).toEqual(['a', 'b', 'c']);
});

test('a file that is not there is named, with what to do', async () => {
  expect(await place.run(yaml('none', 'none.csv', 'mode: full, write: replace'))).toMatchObject({ state: 'failed', streams: [{ error: { area: 'source', message: expect.stringContaining('put it there') as string } }] });
  // Of files that match a pattern there may be none, but then nothing tells what the table is to look like.
  expect(await place.run(yaml('nones', 'none*.csv', 'mode: full, write: replace'))).toMatchObject({ state: 'failed', streams: [{ error: { area: 'source', message: expect.stringContaining('no file matches') as string } }] });
});

test('limits.rejects stops the stream before anything is visible', async () => {
  put('bad.csv', 'id\n1\nx\n');
  const failed = await place.run(`${yaml('bad', 'bad.csv', 'mode: full, write: replace, types: { id: BIGINT }')}limits: { rejects: 10% }\n`);
  expect(failed).toMatchObject({ state: 'failed', streams: [{ error: { area: 'check', message: expect.stringContaining('1 of 2 rows were rejected') as string } }] });
  expect(await database.rows('SELECT 1 FROM bad')).toEqual([]);
});

test('no secret of a connection is in the history, the staging documents or the messages', async () => {
  const secret = 'Tr0ub4dor-and-3';
  const [withSecret, unreachable] = [new URL(database.url), new URL(database.url)];
  const role = `keeper_${randomBytes(4).toString('hex')}`;
  await database.run(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${secret}'`);
  Object.assign(withSecret, { username: role, password: secret });
  Object.assign(unreachable, { username: role, password: secret, port: '1' });
  const connections = path.join(place.home, 'connections.yaml');
  writeFileSync(connections, `${readFileSync(connections, 'utf8')}secret: { connector: postgres, url: "${withSecret.href}" }\ngone: { connector: postgres, url: "${unreachable.href}" }\n`);
  put('plain.csv', 'id\n1\n');
  const words = (name: string, destination: string) => yaml(name, 'plain.csv', 'mode: full, write: replace').replace('destination: db', `destination: ${destination}`);
  const good = await place.start(words('plain', 'secret'));
  expect(await good.result()).toMatchObject({ state: 'succeeded' });
  const bad = await place.start(words('plain_gone', 'gone'));
  await eventually(async () => (await textOfHistory(bad)).includes('127.0.0.1:1'), 'an attempt that could not reach its destination');
  await bad.terminate();
  const staged = readdirSync(path.join(place.home, 'staging'), { recursive: true, withFileTypes: true }).filter((entry) => entry.name.endsWith('.json'));
  expect(staged.length).toBeGreaterThan(3);
  const everything = [await textOfHistory(good), await textOfHistory(bad), ...staged.map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))].join('\n');
  expect(everything).toContain('plain.csv');
  expect(everything).not.toContain(secret);
});

/** Payloads are bytes; pending failures are no part of the history yet. */
async function textOfHistory(handle: WorkflowHandle): Promise<string> {
  const children = [`${handle.workflowId}/plain_csv`].map((id) => place.client.workflow.getHandle(id));
  const all = await Promise.all([handle, ...children].map(async (each) => [await each.fetchHistory().catch(() => null), (await each.describe().catch(() => null))?.raw]));
  return JSON.stringify(all, (_name, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : typeof value === 'bigint' ? String(value) : isBuffer(value) ? Buffer.from(value.data).toString('utf8') : value));
}
const isBuffer = (value: unknown): value is { data: number[] } => typeof value === 'object' && value !== null && (value as { type?: string }).type === 'Buffer';

describe('contract: types of a later file', () => {
  const first = 'id,n,note\n1,10,a\n2,20,b\n';
  // An empty column of numbers is no text; two values of "n" are no integers.
  const clean = 'id,n,note\n3,,c\n4,,d\n';
  const other = 'id,n,note\n5,50,e\n6,many,f\n7,007,g\n';
  const run = (name: string, word: string) => place.run(yaml(name, `${name}-*.csv`, `mode: incremental, write: append, visible: run, contract: { types: ${word} }`));
  const begin = async (word: string): Promise<string> => {
    const name = `types_${word}`;
    put(`${name}-1.csv`, first);
    expect((await run(name, word)).totals).toMatchObject({ loaded: 2, rejected: 0 });
    put(`${name}-2.csv`, clean);
    const summary = await run(name, word);
    expect(summary).toMatchObject({ state: 'succeeded', totals: { loaded: 2, rejected: 0 } });
    expect(summary.streams[0]!.drift).toBeUndefined();
    put(`${name}-3.csv`, other);
    return name;
  };

  test.each(['freeze', 'evolve'])('%s refuses it, and says what differs', async (word) => {
    const name = await begin(word);
    expect((await run(name, word)).streams[0]).toMatchObject({ state: 'failed', error: { area: 'check', message: expect.stringContaining('"n" was BIGINT, is VARCHAR') as string } });
    expect(await database.row(`SELECT count(*)::text AS n FROM ${name}`)).toEqual({ n: '4' });
  });

  test('discard_value loads NULL for what does not fit, and holds the next file to the same type', async () => {
    const name = await begin('discard_value');
    expect(await run(name, 'discard_value')).toMatchObject({ totals: { loaded: 3, rejected: 0 }, streams: [{ notes: expect.arrayContaining([expect.stringContaining('discarded 2 values of "n"')]) as string[] }] });
    expect(await database.rows(`SELECT id, n FROM ${name} WHERE id > 4 ORDER BY id`)).toEqual([{ id: '5', n: '50' }, { id: '6', n: null }, { id: '7', n: null }]);
    put(`${name}-4.csv`, 'id,n,note\n8,80,h\n');
    const next = await run(name, 'discard_value');
    expect(next.totals).toMatchObject({ loaded: 1 });
    expect(next.streams[0]!.drift).toBeUndefined();
  });

  test('discard_row leaves those rows out, quarantine sets aside what cannot be read as the known type', async () => {
    expect((await run(await begin('discard_row'), 'discard_row')).totals).toMatchObject({ read: 3, loaded: 1, filtered: 2, rejected: 0 });
    expect((await run(await begin('quarantine'), 'quarantine')).totals).toMatchObject({ read: 3, loaded: 2, filtered: 0, rejected: 1 });
  });
});
