import path from 'node:path';
import { openEngine, type Engine } from '../../src/transforms/duckdb-engine';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

/** `write: scd2`: a version per change of a key, on Postgres and DuckDB (semantics 7 and 8). */
let database: TestDatabase;
let place: Installation;
let engine: Engine;
beforeAll(async () => {
  database = await createDatabase();
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: scd2.duckdb }\n`);
  await place.startWorker();
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(place.home, 'look'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await place.close();
  await database.drop();
});

const day = (number: number) => `2026-02-${String(number).padStart(2, '0')}`;
const at = (number: number) => `${day(number)}T00:00:00Z`;
/** As Postgres prints it. */
const stamp = (number: number) => `${day(number)} 00:00:00+00`;

describe.each(['db', 'duck'])('into %s', (destination) => {
  const yaml = (name: string, words: string, more = '') =>
    `pipeline: ${name}\nsource: db\ndestination: ${destination}\non_failure: fail\nstreams:\n  - { stream: ${name}_src, to: ${name}, settle: 30 seconds, write: scd2, key: id, ${words} }\n${more}`;
  const named = (name: string) => `${name}_${destination}`;
  const source = async (name: string, values: string) => database.run(`CREATE TABLE ${name}_src (id int, v text, at timestamptz); INSERT INTO ${name}_src VALUES ${values}`);
  /** `id value from → to` of every version, with a star on the current one. */
  const versions = async (name: string): Promise<readonly string[]> => {
    const sql = `SELECT concat_ws(' ', id, v, valid_from, '→', valid_to, CASE WHEN is_current THEN '*' END) AS version FROM ${name} ORDER BY id, valid_from`;
    const rows = destination === 'db' ? await database.rows(sql)
      : await engine.file(path.join(place.home, 'scd2.duckdb'), { readOnly: true }, new AbortController().signal, (session) => session.rows(sql));
    return rows.map((row) => row['version']!);
  };
  const quarantined = (name: string) => engine.session(new AbortController().signal, (session) =>
    session.rows(`SELECT step, reasons, raw FROM read_parquet('${place.home.replaceAll("'", "''")}/staging/quarantine/${name}/**/*.parquet') ORDER BY position`));
  const incremental = 'mode: incremental, cursor: at, lookback: 60 days';

  test('several versions in one run follow one another; the same rows again write nothing', async () => {
    const name = named('several');
    await source(name, `(1, 'a', '${day(1)}'), (1, 'c', '${day(3)}'), (1, 'b', '${day(2)}'), (1, 'b', '${day(2)}'), (2, 'x', '${day(2)}')`);
    expect((await place.run(yaml(name, incremental), at(5))).totals).toMatchObject({ read: 5, loaded: 4, deduplicated: 1, rejected: 0 });
    const expected = [`1 a ${stamp(1)} → ${stamp(2)}`, `1 b ${stamp(2)} → ${stamp(3)}`, `1 c ${stamp(3)} → *`, `2 x ${stamp(2)} → *`];
    expect(await versions(name)).toEqual(expected);
    expect(await place.run(yaml(name, incremental), at(6))).toMatchObject({ state: 'succeeded', totals: { read: 5, loaded: 0, deduplicated: 5 } });
    expect(await versions(name)).toEqual(expected);
  });

  test('incremental: a newer version ends the current one; keys that are not read stay', async () => {
    const name = named('newer');
    await source(name, `(1, 'a', '${day(1)}'), (2, 'x', '${day(1)}')`);
    await place.run(yaml(name, incremental), at(5));
    await database.run(`DELETE FROM ${name}_src; INSERT INTO ${name}_src VALUES (1, 'b', '${day(6)}'), (1, 'c', '${day(7)}')`);
    expect((await place.run(yaml(name, incremental), at(8))).totals).toMatchObject({ read: 2, loaded: 2 });
    expect(await versions(name)).toEqual([`1 a ${stamp(1)} → ${stamp(6)}`, `1 b ${stamp(6)} → ${stamp(7)}`, `1 c ${stamp(7)} → *`, `2 x ${stamp(1)} → *`]);
  });

  test('full: a missing key ends at the logical date, and begins again when it is back', async () => {
    const name = named('missing');
    await source(name, `(1, 'a', '${day(1)}'), (2, 'x', '${day(1)}')`);
    await place.run(yaml(name, 'mode: full, cursor: at'), at(5));
    await database.run(`DELETE FROM ${name}_src WHERE id = 2`);
    expect((await place.run(yaml(name, 'mode: full, cursor: at'), at(6))).totals).toMatchObject({ read: 1, loaded: 0, deduplicated: 1 });
    expect(await versions(name)).toEqual([`1 a ${stamp(1)} → *`, `2 x ${stamp(1)} → ${stamp(6)}`]);
    await database.run(`INSERT INTO ${name}_src VALUES (2, 'x', '${day(1)}')`);
    for (const [date, loaded] of [[8, 1], [9, 0]] as const) expect((await place.run(yaml(name, 'mode: full, cursor: at'), at(date))).totals).toMatchObject({ read: 2, loaded, rejected: 0 });
    expect(await versions(name)).toEqual([`1 a ${stamp(1)} → *`, `2 x ${stamp(1)} → ${stamp(6)}`, `2 x ${stamp(8)} → *`]);
  });

  test('without a cursor a version begins at the logical date', async () => {
    const name = named('dated');
    await source(name, `(1, 'a', NULL), (2, 'x', NULL)`);
    await place.run(yaml(name, 'mode: full'), at(5));
    await database.run(`UPDATE ${name}_src SET v = 'b' WHERE id = 1`);
    expect((await place.run(yaml(name, 'mode: full'), at(6))).totals).toMatchObject({ loaded: 1, deduplicated: 1 });
    expect(await versions(name)).toEqual([`1 a ${stamp(5)} → ${stamp(6)}`, `1 b ${stamp(6)} → *`, `2 x ${stamp(5)} → *`]);
  });

  test('a late version, and one without a beginning, go to quarantine with reason and record, and the balance closes', async () => {
    const name = named('late');
    await source(name, `(1, 'a', '${day(3)}'), (2, 'x', '${day(1)}')`);
    await place.run(yaml(name, incremental), at(5));
    await database.run(`INSERT INTO ${name}_src VALUES (1, 'too late', '${day(2)}'), (1, 'b', '${day(6)}'), (2, 'no time', NULL)`);
    const summary = await place.run(yaml(name, incremental), at(8));
    expect(summary.streams[0]!.error).toBeNull();
    expect(summary).toMatchObject({ state: 'succeeded_with_rejects', totals: { read: 5, loaded: 1, deduplicated: 2, rejected: 2 } });
    expect(summary.streams[0]!.lines.at(-1)).toMatchObject({ step: 'publish', in: 5, out: 1, deduplicated: 2, rejected: 2 });
    const rows = await quarantined(name);
    expect(rows.map((row) => [row['step'], JSON.parse(row['reasons']!), JSON.parse(row['raw']!)]).sort((left, right) => String(left[2].v).localeCompare(String(right[2].v)))).toEqual([
      ['publish', [{ column: 'at', reason: expect.stringContaining('is missing') as string }], { id: '2', v: 'no time', at: null }],
      ['publish', [{ column: 'at', reason: expect.stringContaining('is older') as string }], { id: '1', v: 'too late', at: expect.stringContaining(day(2)) as string }]]);
    expect(await versions(name)).toEqual([`1 a ${stamp(3)} → ${stamp(6)}`, `1 b ${stamp(6)} → *`, `2 x ${stamp(1)} → *`]);
  });

  test('late versions count for limits.rejects: beyond it nothing is published', async () => {
    const name = named('limited');
    await source(name, `(1, 'a', '${day(3)}')`);
    await place.run(yaml(name, incremental, 'limits: { rejects: 10% }\n'), at(5));
    await database.run(`UPDATE ${name}_src SET at = '${day(2)}', v = 'late'; INSERT INTO ${name}_src VALUES (2, 'x', '${day(6)}')`);
    expect(await place.run(yaml(name, incremental, 'limits: { rejects: 10% }\n'), at(8))).toMatchObject({ state: 'failed', streams: [{ error: { area: 'check', message: expect.stringContaining('1 of 2 rows') as string } }] });
    expect(await versions(name)).toEqual([`1 a ${stamp(3)} → *`]);
  });

  test('the same beginning with other data: the later reading stands in its place', async () => {
    const name = named('instead');
    await source(name, `(1, 'a', '${day(1)}'), (1, 'b', '${day(3)}')`);
    await place.run(yaml(name, incremental), at(5));
    await database.run(`UPDATE ${name}_src SET v = 'corrected' WHERE v = 'b'`);
    const summary = await place.run(yaml(name, incremental), at(6));
    expect(summary).toMatchObject({ totals: { read: 2, loaded: 1, deduplicated: 1 }, streams: [{ deleted: 1 }] });
    expect(await versions(name)).toEqual([`1 a ${stamp(1)} → ${stamp(3)}`, `1 corrected ${stamp(3)} → *`]);
  });

  test('full: keys in quarantine are not missing, also where steps change them; where a record shows no key, nothing ends', async () => {
    const name = named('aside');
    await database.run(`CREATE TABLE ${name}_src (nr text, v text); INSERT INTO ${name}_src VALUES (' 1 ', '1'), ('2', '2'), ('3', '3')`);
    const words = (steps: string) => `mode: full, steps: [${steps}{ trim: { columns: "*" } }, { rename: { columns: { nr: id } } }, { cast: { columns: { id: int, v: int } } }]`;
    await place.run(yaml(name, words('')), at(5));
    await database.run(`UPDATE ${name}_src SET v = 'x' WHERE v = '1'; DELETE FROM ${name}_src WHERE nr = '3'`);
    expect((await place.run(yaml(name, words('')), at(6))).totals).toMatchObject({ read: 2, rejected: 1, deduplicated: 1 });
    const after = [`1 1 ${stamp(5)} → *`, `2 2 ${stamp(5)} → *`, `3 3 ${stamp(5)} → ${stamp(6)}`];
    expect(await versions(name)).toEqual(after);
    await database.run(`DELETE FROM ${name}_src WHERE nr = '2'`);
    const summary = await place.run(yaml(name, words('{ sql: { query: "SELECT * FROM input" } }, ')), at(7));
    expect(summary.streams[0]!.notes.join()).toContain('do not show their key');
    expect(await versions(name)).toEqual(after);
  });

  test('a target belongs to one stream, and what cannot hold versions is refused before anything is written', async () => {
    const name = named('owned');
    await source(name, `(1, 'a', '${day(1)}')`);
    await place.run(yaml(name, incremental), at(5));
    const refusal = async (text: string) => (await place.run(text, at(6))).streams[0]!.error!.message;
    expect(await refusal(yaml(name, incremental).replace(`pipeline: ${name}`, `pipeline: ${name}_other`))).toContain('writes it too');
    const clash = named('clash');
    await database.run(`CREATE TABLE ${clash}_src (id int, valid_to date); INSERT INTO ${clash}_src VALUES (1, '${day(1)}')`);
    expect(await refusal(yaml(clash, 'mode: full'))).toContain('adds a column "valid_to"');
    const counted = named('counted');
    await database.run(`CREATE TABLE ${counted}_src (id int, n bigint); INSERT INTO ${counted}_src VALUES (1, 1)`);
    expect(await refusal(yaml(counted, 'mode: full, cursor: n'))).toContain('cannot be told when a key that is missing');
    const plain = named('plain');
    await source(plain, `(1, 'a', '${day(1)}')`);
    await place.run(yaml(plain, incremental).replace('scd2', 'merge'), at(5));
    expect(await refusal(yaml(plain, incremental))).toContain('holds no versions');
  });
});
