import { readdirSync, readFileSync, rmSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { forms, kinds } from '../../src/domain/canonical';
import { runPath } from '../../src/domain/ids';
import type { RunSummary } from '../../src/domain/receipt';
import type { ProofDocument } from '../../src/domain/stream-proof';
import { openEngine, type Engine, type Session } from '../../src/transforms/duckdb-engine';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

/** What is done to a destination behind Millrace's back is found, and in which batch; what later runs did to it is not reported (semantics 10). */
let database: TestDatabase;
let place: Installation;
let engine: Engine;
const signal = new AbortController().signal;
const inDuckdb = <Result>(work: (session: Session) => Promise<Result>): Promise<Result> => engine.file(path.join(place.home, 'proof.duckdb'), { readOnly: false }, signal, work);

beforeAll(async () => {
  database = await createDatabase();
  await database.run(`CREATE TABLE things (id int PRIMARY KEY, flag boolean, i8 bigint, n numeric(12,3), f4 real, f8 double precision, t text, e text, b bytea, d date, tm time, ts timestamp, tz timestamptz, u uuid, j json, a int[], at timestamptz)`);
  await database.run(`INSERT INTO things SELECT k, k % 2 = 0, k::bigint * 1000000007, k * 1.001, k * 0.1, CASE WHEN k % 5 = 0 THEN '-0' ELSE (k / 7.0)::text END::float8, 'thing ' || k, CASE WHEN k % 3 = 0 THEN NULL WHEN k % 3 = 1 THEN '' ELSE 'e' END,
    decode(lpad(to_hex(k), 4, '0'), 'hex'), date '2026-01-01' + k, time '00:00' + k * interval '1 minute', timestamp '2026-01-01' + k * interval '1 hour', timestamptz '2026-01-01' + k * interval '1 hour', md5(k::text)::uuid, ('{"k": ' || k || '}')::json, ARRAY[k, NULL], timestamptz '2026-01-01' + k * interval '1 second'
    FROM generate_series(1, 60) k`);
  await database.run('ANALYZE things');
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: proof.duckdb }\nlake: { connector: files, path: lake }\n`);
  await place.startWorker();
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(place.home, 'look'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await place.close();
  await database.drop();
});

const yaml = (name: string, to: string, words: string, source = 'things') =>
  `pipeline: ${name}\nsource: db\ndestination: ${to}\nstreams:\n  - { stream: ${source}, to: ${name}, partition: { rows: 20 }, settle: 30 seconds, ${words} }\n`;
const full = 'mode: full, write: replace';

interface Corruption {
  readonly what: string;
  readonly sql: string;
  /** Key of a row whose batch must be named; null: it belongs to none. */
  readonly row: number | null;
  readonly says: RegExp;
  /** Columns that must be named, where the figures tell them. */
  readonly column?: string;
}
const changed = (column: string, row: number, value: string, what = `another ${column}`, tells = true): Corruption =>
  ({ what, row, sql: `UPDATE $ SET ${column} = ${value} WHERE id = ${row}`, says: /rows were changed/, ...(tells && { column }) });

const everywhere: readonly Corruption[] = [
  { what: 'a row deleted', sql: 'DELETE FROM $ WHERE id = 30', row: 30, says: /1 of 20 rows are missing/ },
  { what: 'a row duplicated', sql: 'INSERT INTO $ SELECT * FROM $ WHERE id = 50', row: 50, says: /1 rows too many/ },
  { what: 'a row added without a batch', sql: 'INSERT INTO $ (id, t) VALUES (61, \'mine\')', row: null, says: /1 rows belong to no batch/ },
  { what: 'a row added under a batch', sql: 'INSERT INTO $ SELECT 62 AS id, flag, i8, n, f4, f8, t, e, b, d, tm, ts, tz, u, j, a, "at", _millrace_batch_id FROM $ WHERE id = 5', row: 5, says: /1 rows too many/ },
  { what: 'a row exchanged for another', sql: 'UPDATE $ SET id = 99 WHERE id = 10', row: 10, says: /rows were changed: "id"/ },
  { what: 'two values swapped between rows', sql: 'UPDATE $ SET t = CASE WHEN id = 41 THEN \'thing 42\' ELSE \'thing 41\' END WHERE id IN (41, 42)', row: 41, says: /rows were changed/ },
  changed('flag', 3, 'NOT flag', 'another boolean', false),
  changed('i8', 25, 'i8 + 1'),
  changed('n', 45, 'n + 0.001', 'the last digit of a numeric'),
  // DuckDB takes an update to an equal number for none.
  { what: '−0 made 0', row: 20, sql: 'UPDATE $ SET f8 = 1 WHERE id = 20; UPDATE $ SET f8 = 0 WHERE id = 20', says: /rows were changed/ },
  changed('f4', 60, 'f4 + 0.5'),
  changed('t', 7, 't || \' \'', 'a trailing space'),
  changed('e', 27, '\'\'', 'NULL made an empty text'),
  changed('e', 28, 'NULL', 'an empty text made NULL'),
  changed('d', 1, 'd - 1000'),
  changed('tm', 60, 'TIME \'23:59:59.999999\''),
  changed('ts', 33, 'ts + INTERVAL \'1 microsecond\'', 'a timestamp by a microsecond', false),
  changed('tz', 60, 'tz + INTERVAL \'1 second\''),
  changed('u', 12, '\'00000000-0000-0000-0000-000000000000\'', 'another uuid', false),
  changed('j', 13, '\'{"k":13}\'', 'json without its space'),
];
const postgresOnly: readonly Corruption[] = [changed('b', 14, '\'\\x00ff\'', 'other bytes', false), changed('a', 15, 'ARRAY[15, 0]', 'NULL in an array made 0')];

const verify = (run: RunSummary) => place.verify(`${run.run.workflowId}~${run.run.generation}`.replace(/~1$/, ''));

describe.each(['db', 'duck'])('in %s', (destination) => {
  const name = `proof_${destination}`;
  let run: RunSummary;
  const corrupt = async (sql: string): Promise<void> => {
    const text = sql.replaceAll('$', name);
    await (destination === 'db' ? database.run(text) : inDuckdb((session) => session.run(text)));
  };
  const batchOf = async (id: number): Promise<string> => {
    const sql = `SELECT l.batch_id AS id FROM ${name} t JOIN _millrace_loads l ON l.batch_number = t._millrace_batch_id WHERE t.id = ${id} LIMIT 1`;
    return (await (destination === 'db' ? database.row(sql) : inDuckdb((session) => session.row(sql))))['id']!;
  };
  beforeAll(async () => {
    run = await place.run(yaml(name, destination, full));
    expect(run).toMatchObject({ state: 'succeeded', streams: [{ batches: 3, proof: { level: 'rows', compared: 3, problem: null, leftOut: [] } }] });
    await corrupt(`CREATE TABLE $_kept AS SELECT * FROM $`);
  });

  test('finds nothing where nothing was done', async () => {
    expect(await verify(run)).toMatchObject({ ok: true, receiptProblems: [], streams: [{ state: 'intact', rows: 60, batches: { total: 3, intact: 3 }, findings: [] }] });
  });

  test.each([...everywhere, ...(destination === 'db' ? postgresOnly : [])])('finds $what', async ({ sql, row, says, column }) => {
    const batch = row === null ? null : await batchOf(row);
    await corrupt(sql);
    const report = await verify(run);
    await corrupt(`DELETE FROM $`);
    await corrupt(`INSERT INTO $ SELECT * FROM $_kept`);
    expect(report).toMatchObject({ ok: false, streams: [{ state: 'wrong' }] });
    expect(report.streams[0]!.findings.map((finding) => finding.batch)).toEqual([batch]);
    expect(report.streams[0]!.findings[0]!.messages.join()).toMatch(says);
    if (column) expect(report.streams[0]!.findings[0]!.messages.join()).toContain(`"${column}"`);
  });

  test('finds a row that was moved to another batch, in both', async () => {
    const batches = [await batchOf(11), await batchOf(51)];
    await corrupt(`UPDATE $ SET _millrace_batch_id = (SELECT max(_millrace_batch_id) FROM $_kept WHERE id = 51) WHERE id = 11`);
    expect((await verify(run)).streams[0]!.findings.map(({ batch }) => batch).sort()).toEqual(batches.sort());
    await corrupt(`DELETE FROM $`);
    await corrupt(`INSERT INTO $ SELECT * FROM $_kept`);
  });

  test('says which run replaced the rows, and finds what was gone before', async () => {
    const second = await place.run(yaml(name, destination, full));
    expect(await verify(run)).toMatchObject({ ok: true, streams: [{ state: 'replaced', replacedBy: [runPath(second.run)], batches: { replaced: 3 } }] });
    expect(await verify(second)).toMatchObject({ ok: true, streams: [{ state: 'intact' }] });
    const batch = await batchOf(30);
    await corrupt('DELETE FROM $ WHERE id = 30');
    await place.run(yaml(name, destination, full));
    expect((await verify(second)).streams[0]).toMatchObject({ state: 'wrong', findings: [{ batch, messages: [expect.stringMatching(/1 of 1 rows are missing, some of them already when they were replaced/) as string, expect.stringMatching(/replaced by run/) as string] }] });
    // The table is the third run's: what was wrong with earlier ones is gone with them.
    expect(await place.verify(name)).toMatchObject({ ok: true, earlier: [], further: 0, streams: [{ state: 'intact' }] });
  });

  test('rows that a later merge wrote over, and rows that it found equal, are accounted for; a change before that is not', async () => {
    const from = `merging_${destination}`;
    const merging = `merged_${destination}`;
    await database.run(`CREATE TABLE ${from} AS SELECT id, t, n, at FROM things; ALTER TABLE ${from} ADD PRIMARY KEY (id); ANALYZE ${from}`);
    const words = 'mode: full, write: merge, key: id, order_by: at';
    const first = await place.run(yaml(merging, destination, words, from));
    await database.run(`UPDATE ${from} SET t = t || '!', at = at + interval '1 day' WHERE id IN (1, 2, 33)`);
    const second = await place.run(yaml(merging, destination, words, from));
    expect(second.streams[0]).toMatchObject({ deleted: 3, totals: { loaded: 3, deduplicated: 57 } });
    expect(await verify(first)).toMatchObject({ ok: true, streams: [{ state: 'intact', batches: { total: 3, intact: 1, replaced: 2 }, replacedBy: [runPath(second.run)] }] });
    expect(await verify(second)).toMatchObject({ ok: true, streams: [{ state: 'intact', batches: { total: 3, intact: 3 } }] });
    const tamper = `UPDATE ${merging} SET t = 'mine' WHERE id = 5`;
    await (destination === 'db' ? database.run(tamper) : inDuckdb((session) => session.run(tamper)));
    await database.run(`UPDATE ${from} SET at = at + interval '2 days' WHERE id <= 10`);
    await place.run(yaml(merging, destination, words, from));
    const report = await verify(first);
    expect(report.streams[0]).toMatchObject({ state: 'wrong', batches: { wrong: 1 } });
    expect(report.streams[0]!.findings[0]!.messages[0]).toMatch(/rows were changed/);
  });

  test('rows of a later delete_insert are accounted for', async () => {
    const into = `groups_${destination}`;
    const words = 'mode: full, write: delete_insert, by: [flag]';
    const first = await place.run(yaml(into, destination, words));
    const second = await place.run(yaml(into, destination, `${words}, steps: [{ filter: { where: flag } }]`));
    expect(second.streams[0]).toMatchObject({ deleted: 30, totals: { loaded: 30 } });
    expect(await verify(first)).toMatchObject({ ok: true, streams: [{ batches: { replaced: 3 } }] });
    expect(await verify(second)).toMatchObject({ ok: true, streams: [{ state: 'intact' }] });
  });

  test('versions that scd2 ends are what was loaded; one that it removes is accounted for', async () => {
    const [from, into] = [`versions_src_${destination}`, `versions_${destination}`];
    await database.run(`CREATE TABLE ${from} AS SELECT id, t, at FROM things WHERE id <= 10; ALTER TABLE ${from} ADD PRIMARY KEY (id); ANALYZE ${from}`);
    const words = 'mode: full, write: scd2, key: id, cursor: at';
    const first = await place.run(yaml(into, destination, words, from));
    await database.run(`UPDATE ${from} SET t = t || '!', at = at + interval '1 day' WHERE id = 1; UPDATE ${from} SET t = 'corrected' WHERE id = 2`);
    const second = await place.run(yaml(into, destination, words, from));
    expect(second.streams[0]).toMatchObject({ totals: { loaded: 2, deduplicated: 8 } });
    expect(await verify(first)).toMatchObject({ ok: true, streams: [{ batches: { replaced: 1 } }] });
    expect(await verify(second)).toMatchObject({ ok: true, streams: [{ state: 'intact' }] });
  });

  test('without lineage the table is compared as a whole, over all runs', async () => {
    const into = `whole_${destination}`;
    const words = 'mode: full, write: merge, key: id, lineage: false';
    const first = await place.run(yaml(into, destination, words));
    await place.run(yaml(into, destination, words));
    expect(await verify(first)).toMatchObject({ ok: true, streams: [{ state: 'intact', findings: [] }] });
    const tamper = `UPDATE ${into} SET i8 = i8 + 1 WHERE id = 5`;
    await (destination === 'db' ? database.run(tamper) : inDuckdb((session) => session.run(tamper)));
    expect(await verify(first)).toMatchObject({ ok: false, streams: [{ findings: [{ batch: null, messages: ['rows of the table were changed, added or exchanged'] }] }] });
  });
});

const filesIn = (table: string) => readdirSync(path.join(place.home, 'lake', table), { recursive: true }).map(String).filter((file) => /\.(parquet|csv)$/.test(file) && !file.startsWith('_millrace')).map((file) => path.join(place.home, 'lake', table, file)).sort();
const rewrite = (file: string, select: string) => engine.session(signal, async (session) => {
  await session.run(`COPY (SELECT ${select} FROM read_parquet('${file.replaceAll("'", "''")}')) TO '${file.replaceAll("'", "''")}.new' (FORMAT parquet)`);
  copyFileSync(`${file}.new`, file);
  rmSync(`${file}.new`);
});

describe('in files', () => {
  let run: RunSummary;
  const files = () => filesIn('proof_lake');

  test('finds a changed value, a missing file, a file of nobody, and knows what a later run replaced', async () => {
    run = await place.run(yaml('proof_lake', 'lake', full));
    expect(await verify(run)).toMatchObject({ ok: true, streams: [{ state: 'intact', rows: 60 }] });
    await rewrite(files()[0]!, '* REPLACE (CASE WHEN id = 5 THEN t || \' \' ELSE t END AS t)');
    expect((await verify(run)).streams[0]).toMatchObject({ batches: { wrong: 1 }, findings: [{ messages: ['rows were changed: "t"'] }] });
    copyFileSync(files()[1]!, path.join(path.dirname(files()[1]!), 'copy.parquet'));
    rmSync(files()[2]!);
    expect((await verify(run)).streams[0]!.findings.flatMap(({ messages }) => messages).join()).toMatch(/files are gone.*1 files belong to no batch/);
    const second = await place.run(yaml('proof_lake', 'lake', full));
    expect((await verify(run)).streams[0]).toMatchObject({ batches: { replaced: 3, wrong: 0 }, replacedBy: [runPath(second.run)] });
  });
});

test('a table of files without types, and what is left of a batch, is compared by its bytes', async () => {
  const csv = await place.run(yaml('proof_csv', 'lake', `${full}, target: { format: csv }`));
  expect(await verify(csv)).toMatchObject({ ok: true });
  const [file] = filesIn('proof_csv');
  writeFileSync(file!, readFileSync(file!, 'utf8').replace('thing 7', 'thing 8'));
  expect((await verify(csv)).streams[0]).toMatchObject({ batches: { wrong: 1 }, findings: [{ messages: ['1 of its 1 files were changed'] }] });
  await place.run(yaml('proof_csv', 'lake', `${full}, target: { format: csv }`));
  expect(await verify(csv)).toMatchObject({ ok: true, streams: [{ state: 'replaced', batches: { replaced: 3 } }] });
  // The second run takes one group of each batch away; the other is changed then.
  const words = 'mode: full, write: delete_insert, by: [flag], target: { partition_by: [flag] }';
  const first = await place.run(yaml('proof_groups', 'lake', words));
  await place.run(yaml('proof_groups', 'lake', `${words}, steps: [{ filter: { where: flag } }]`));
  expect(await verify(first)).toMatchObject({ ok: true, streams: [{ batches: { total: 3, replaced: 3 } }] });
  const left = filesIn('proof_groups').find((one) => one.includes('flag=false'))!;
  await rewrite(left, "* REPLACE ('mine' AS t)");
  expect((await verify(first)).streams[0]).toMatchObject({ batches: { wrong: 1 }, findings: [{ messages: ['1 of its 1 files were changed', expect.stringMatching(/^replaced by run/) as string] }] });
});

test('with "proof: full" the destination is asked for all rows; with counts for none', async () => {
  const compared = async (proof: string) => (await place.run(yaml(`compared_${proof}`, 'db', `${full}, proof: ${proof}`))).streams[0]!.proof;
  expect(await compared('full')).toMatchObject({ level: 'rows', compared: 3, problem: null });
  expect(await compared('counts')).toMatchObject({ level: 'counts', fingerprint: null, compared: 0, problem: null });
});

test('the source is asked again: the same, then not', async () => {
  await database.run('CREATE TABLE asked AS SELECT * FROM things; ALTER TABLE asked ADD PRIMARY KEY (id); ANALYZE asked');
  const run = await place.run(yaml('asked_again', 'duck', full, 'asked'));
  expect(await place.verify('asked_again', true)).toMatchObject({ ok: true, streams: [{ source: { state: 'same', messages: [] } }] });
  await database.run(`UPDATE asked SET t = 'other' WHERE id = 30`);
  expect((await place.verify(run.run.workflowId, true)).streams[0]!.source).toMatchObject({ state: 'differs', messages: [expect.stringMatching(/^id 2\d … 4\d: rows are not what was read$/) as string] });
});

test('a receipt or a proof document that was changed is noticed', async () => {
  const run = await place.run(yaml('sealed', 'db', full));
  const file = path.join(place.home, 'staging', runPath(run.run), 'things/proof.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"rows":60', '"rows":61'));
  expect(await verify(run)).toMatchObject({ ok: false, receiptProblems: [expect.stringContaining('proof document of stream "things" was changed') as string] });
});

describe('docs/proof.md', () => {
  const document = readFileSync(path.join(__dirname, '../../docs/proof.md'), 'utf8');
  const queries = [...document.matchAll(/```sql\n([^`]+)```/g)].map(([, sql]) => sql!);

  test.each(kinds)('says how %s is written', (kind) => expect(document).toContain(`| \`${kind}\` | ${forms[kind].means} |`));

  test.each([['db', 0], ['duck', 1]] as const)('its query gives the fingerprints that a run in %s has left', async (destination, which) => {
    await database.run(`DROP TABLE IF EXISTS showing; CREATE TABLE showing (id bigint PRIMARY KEY, total numeric(12,2), note text, at timestamptz);
      INSERT INTO showing SELECT k, CASE WHEN k % 7 = 0 THEN NULL ELSE k * 1.50 END, CASE k % 5 WHEN 0 THEN NULL WHEN 1 THEN '\\N' WHEN 2 THEN 'a' || chr(31) || 'b' ELSE 'note ' || k END, timestamptz '2026-01-01' + k * interval '1 microsecond' FROM generate_series(1, 60) k; ANALYZE showing`);
    const run = await place.run(`pipeline: shown_${destination}\nsource: db\ndestination: ${destination}\nstreams:\n  - { stream: showing, to: shown, partition: { rows: 20 }, ${full} }\n`);
    const proof = JSON.parse(readFileSync(path.join(place.home, 'staging', runPath(run.run), 'showing/proof.json'), 'utf8')) as ProofDocument;
    const computed = await (destination === 'db' ? database.rows(queries[which]!) : inDuckdb((session) => session.rows(queries[which]!)));
    expect(computed.map((row) => ({ ...row }))).toEqual(proof.batches.map(({ id, rows, fingerprint }) => ({ batch_id: id, rows: String(rows), fingerprint })));
  });
});

test('rows that were there before Millrace are not strangers, and missed when they go', async () => {
  await database.run(`CREATE TABLE settled (id int, t text); INSERT INTO settled VALUES (-1, 'old'), (-2, 'old')`);
  const run = await place.run(`pipeline: settling\nsource: db\ndestination: db\nstreams:\n  - { stream: settling, query: "SELECT id, t FROM things", to: settled, mode: full, write: merge, key: id }\n`);
  expect(run.state).toBe('succeeded');
  expect(await verify(run)).toMatchObject({ ok: true });
  await database.run('DELETE FROM settled WHERE id = -1');
  expect(await verify(run)).toMatchObject({ ok: false, streams: [{ findings: [{ batch: null, messages: ['1 rows that were there before Millrace are missing'] }] }] });
});

test('by the name of a pipeline all its runs are judged, since the last one may own no row; rows that a whole run brought back are settled', async () => {
  await database.run(`CREATE TABLE owned_from AS SELECT id, t FROM things; INSERT INTO owned_from VALUES (60, 'twice')`);
  const run = () => place.run('pipeline: owned\nsource: db\ndestination: db\nstreams:\n  - { stream: owning, query: "SELECT id, t FROM owned_from", to: owned, mode: full, write: merge, key: id }\n');
  const first = await run();
  const second = await run();
  expect(second.streams[0]!.totals).toMatchObject({ loaded: 0, deduplicated: 61 });
  const intact = { run: runPath(first.run), streams: [{ state: 'intact', rows: 60, left: 60 }] };
  expect(await place.verify('owned')).toMatchObject({ ok: true, run: runPath(second.run), streams: [{ state: 'wrote_nothing', rows: 0 }], earlier: [intact] });
  await database.run('DELETE FROM owned WHERE id IN (3, 4, 5)');
  const missing = [expect.stringMatching(/3 of 60 rows are missing/) as string];
  expect(await place.verify('owned')).toMatchObject({ ok: false, streams: [{ state: 'wrote_nothing' }], earlier: [{ ...intact, streams: [{ state: 'wrong', findings: [{ messages: missing }], notes: [] }] }] });
  const third = await run();
  expect(third.totals).toMatchObject({ loaded: 3 });
  const settled = { state: 'settled', findings: [], notes: [expect.stringMatching(new RegExp(`3 of 60 rows are missing; but .* run ${runPath(third.run)} has read`)) as string] };
  expect(await place.verify('owned')).toMatchObject({ ok: true, streams: [{ state: 'intact', rows: 3 }], earlier: [{ run: runPath(first.run), streams: [settled] }] });
  expect(await verify(first)).toMatchObject({ ok: false, earlier: [], streams: [{ findings: [{ messages: missing }], notes: [expect.stringMatching(/^later runs have published 3 rows/) as string] }] });
  // The source without the key that it had twice; then a row that was loaded and is lost once more.
  await database.run(`DELETE FROM owned_from WHERE t = 'twice'; UPDATE owned SET t = 'thing 60' WHERE id = 60; DELETE FROM owned WHERE id = 10`);
  expect(await place.verify('owned')).toMatchObject({ ok: false });
  await run();
  expect(await place.verify('owned')).toMatchObject({ ok: true, earlier: [{ streams: [{ state: 'intact' }] }, { streams: [{ state: 'settled' }] }] });
  await database.run('DELETE FROM owned');
  expect(await place.verify('owned')).toMatchObject({ ok: false });
});
