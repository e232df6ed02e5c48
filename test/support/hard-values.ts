import type { TestDatabase } from './postgres';

/** One table with a column of every type that Postgres has, and the values that are hard to carry. Table `hard`, key `id`. */
export async function createHardValues(database: TestDatabase): Promise<void> {
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
}

/** What is easily written in two ways: zeros at the end, signs, padding, normal forms, leap days, clocks put back. Table `harder`, key `id`. */
export async function createHarderValues(database: TestDatabase): Promise<void> {
  await database.run(String.raw`CREATE TABLE harder (id int, n numeric(38,9), w numeric(20,0), f4 real, f8 double precision, t text, v varchar(30), c char(5), b bytea, j json, a text[], d date, ts timestamp, tz timestamptz);
    INSERT INTO harder VALUES
      (1, 1.500000000, 100, '-0', '-0', E'\u00e9', 'trailing  ', '     ', '', '{"a":1}', '{a,NULL,"NULL",""}', '1582-10-15', '1582-10-15 00:00:00.000001', '1890-01-01 00:00:00+00'),
      (2, 100.000000000, 0, 'NaN', '-NaN', E'e\u0301', '  leading', 'a b', '\x5c', '{"a": 1}', '{{a,b},{c,d}}', '1900-02-28', '1969-12-31 23:59:59.999999', '2026-10-25 02:30:00+02'),
      (3, -0.000000000, -1000, '-Infinity', '-Infinity', E'\u001f\\', E'\\N', 'abcde', '\x1f', '"\u001f"', '{"\\N"}', '2000-02-29', '2000-02-29 12:00:00.1', '2026-10-25 02:30:00+01'),
      (4, 0.100000000, 10000000000000000000, 1e-45, 5e-324, E'\U0001F469\u200d\U0001F680', E'\u00a0', 'é', '\xff00', '[]', '{" "}', '0001-01-01', '9999-12-31 23:59:59.999999', '0001-01-01 00:00:00+00'),
      (5, NULL, NULL, 16777216, 9007199254740993, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
}

/** Every column as Postgres' own text: what a user would see. */
export async function textsOf(database: TestDatabase, table: string): Promise<readonly Record<string, string | null>[]> {
  const columns = (await database.rows(`SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE '\\_millrace%' ORDER BY attnum`, [table])).map((row) => row['name']!);
  return database.rows(`SELECT ${columns.map((name) => `"${name}"::text`).join(', ')} FROM ${table} ORDER BY id`);
}
