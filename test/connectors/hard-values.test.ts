import { createDatabase, type TestDatabase } from '../support/postgres';
import { install, type Installation } from '../support/worker';

/** Postgres → staged Parquet → Postgres: every value comes back as it was, or is set aside; never altered silently. */
let database: TestDatabase;
let place: Installation;
beforeAll(async () => {
  database = await createDatabase();
  await database.run(`
    CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (value > 0); CREATE TYPE pair AS (a int, b text);
    CREATE TABLE hard (
      id int PRIMARY KEY, flag boolean, i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision,
      n numeric, n10 numeric(10,2), n38 numeric(38,9), n50 numeric(50,3), t text, v varchar(20), c char(5), b bytea,
      d date, tm time, tz timetz, ts timestamp, tstz timestamptz, ts3 timestamp(3), iv interval, u uuid, j json, jb jsonb,
      ai int[], at text[], r int4range, m money, net inet, bits bit(5), pt point, x xml, e mood, dom positive, p pair, vec tsvector);`);
  await database.run(`
    INSERT INTO hard (id) VALUES (0);
    INSERT INTO hard VALUES
     (1, true, 32767, 2147483647, 9223372036854775807, 3.4028235e38, 1.7976931348623157e308, 12345678901234567890123456789012345678901234567890.123456789, 99999999.99, 12345678901234567890123456789.123456789, 12345678901234567890123456789012345678901234567.123,
      'héllo, "wörld" 😀', 'x', 'ab', '\\x00ff10'::bytea, '9999-12-31', '23:59:59.999999', '12:00:00.5+05:30', '2026-03-29 02:30:00.123456', '2026-03-29 02:30:00.123456+02', '2026-01-01 00:00:00.123', '1 year 2 mons 3 days 04:05:06.789', '00000000-0000-0000-0000-000000000001', '{"a": [1, 2.50, null]}', '{"b": "x\\u0041"}',
      '{1,NULL,3}', '{"a,b","c\\"d",NULL,""}', '[1,10)', '1234.56', '192.168.0.1/24', '10101', '(1.5,2.5)', '<a b="c">d</a>', 'ok', 7, '(1,"x,y")', 'a:1 b:2'),
     (2, false, -32768, -2147483648, -9223372036854775808, '-0', '-0', 0.10, -0.01, -0.000000001, 0.100, '', '', '', '', '0001-01-01', '00:00', '00:00+00', '1970-01-01', '1970-01-01+00', '1969-12-31 23:59:59.999', '-1 days', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', 'null',
      '{}', '{}', 'empty', '-0.01', '::1', '00000', '(0,0)', '<a/>', 'sad', 1, '(,)', ''),
     (3, NULL, NULL, NULL, NULL, 'NaN', 'Infinity', 'NaN', NULL, NULL, NULL, E'\\\\N', E'\\\\.', NULL, NULL, 'infinity', '24:00', NULL, 'infinity', '-infinity', NULL, NULL, NULL, '""', '"\\\\N"', NULL, '{"NULL","\\\\N"}', '(,)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
     (4, NULL, NULL, NULL, NULL, 1.1, 0.1, 1e-20, NULL, NULL, NULL, E'line one\\nline two\\r\\nthree\\ttab', '"', ',', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
  place = await install(`db: { connector: postgres, url: "${database.url}" }\nlake: { connector: files, path: lake }\nduck: { connector: duckdb, path: hard.duckdb }\n`);
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await database.drop();
});

const pipeline = (name: string, to: string, steps = '') => `pipeline: ${name}\nsource: db\ndestination: db\nstreams:\n  - { stream: hard, to: ${to}, mode: full, write: replace${steps} }\n`;
/** Every column as Postgres' own text: what a user would see. */
const texts = async (table: string): Promise<readonly Record<string, string | null>[]> => {
  const columns = (await database.rows(`SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE '\\_millrace%' ORDER BY attnum`, [table])).map((row) => row['name']!);
  return database.rows(`SELECT ${columns.map((name) => `"${name}"::text`).join(', ')} FROM ${table} ORDER BY id`);
};

test('brings every value of every type back unchanged, with its type', async () => {
  const summary = await place.run(pipeline('hard_plain', 'hard_copy'));
  expect(summary).toMatchObject({ state: 'succeeded', totals: { read: 5, loaded: 5 } });
  expect(await texts('hard_copy')).toEqual(await texts('hard'));
  const types = (table: string) => database.rows(`SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attname NOT LIKE '\\_millrace%' ORDER BY attnum`, [table]);
  expect(await types('hard_copy')).toEqual(await types('hard'));
});

test('keeps every value also where a step makes the rows pass through a table', async () => {
  await place.run(pipeline('hard_steps', 'hard_steps', ', steps: [{ filter: { where: "id >= 0" } }]'));
  expect(await texts('hard_steps')).toEqual(await texts('hard'));
});

const pipelineOf = (table: string, to: string, steps: string) => `pipeline: ${to}\nsource: db\ndestination: db\nstreams:\n  - { stream: ${table}, to: ${to}, mode: full, write: replace${steps} }\n`;
test.each([
  ['n numeric(10,2)', "'NaN'", '1.50'], ['d date', "'0044-03-15 BC'", "'2026-01-01'"], ['ts timestamp', "'0044-03-15 01:02:03 BC'", "'2026-01-01'"],
  ['tstz timestamptz', "'0044-03-15 01:02:03+00 BC'", "'infinity'"], ['tstz timestamptz', "'294276-12-31 23:59:59.999999+00'", "'-infinity'"],
])('sets a row aside whose %s the staged type cannot hold (%s), and loads the others', async (column, bad, good) => {
  const name = `hard_${Math.abs([...(column + bad)].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7))}`;
  await database.run(`CREATE TABLE ${name} (id int PRIMARY KEY, ${column})`);
  await database.run(`INSERT INTO ${name} VALUES (1, ${bad}), (2, ${good}), (3, NULL)`);
  const staged = await place.run(pipelineOf(name, `${name}_staged`, ', steps: [{ filter: { where: "id > 0" } }]'));
  expect(staged.totals).toMatchObject({ read: 3, loaded: 2, rejected: 1 });
  expect(await texts(`${name}_staged`)).toEqual((await texts(name)).slice(1));
  // Where nothing is done to them, rows go from database to database in Postgres' own text, which holds them all.
  const passed = await place.run(pipelineOf(name, `${name}_passed`, ''));
  expect(passed.totals).toMatchObject({ read: 3, loaded: 3, rejected: 0 });
  expect(await texts(`${name}_passed`)).toEqual(await texts(name));
});
