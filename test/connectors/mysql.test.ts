import { mysql } from '../../src/connectors/mysql';
import { testOn } from '../support/debian';
import { openBench, type Bench } from '../support/files';
import { mariaDbAvailable, startMariaDb, type MariaDb } from '../support/mariadb';

/** A real MariaDB: values as they are, key ranges, increments. */
const onServer = testOn(mariaDbAvailable());
let server: MariaDb;
let bench: Bench;
beforeAll(async () => {
  if (onServer !== test) return;
  server = await startMariaDb();
  server.run("CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'pass'; GRANT SELECT ON shop.* TO reader@'127.0.0.1'; GRANT PROCESS ON *.* TO reader@'127.0.0.1'");
  bench = await openBench(mysql, { port: server.port, database: 'shop', user: 'reader', password: 'pass' });
});
afterAll(async () => {
  await bench?.close();
  await server?.stop();
});
const sql = (text: string): void => server.run(text, 'shop');

onServer('hard values arrive as they are; what has no equal is set aside or travels as text', async () => {
  sql(`CREATE TABLE hard (id INT PRIMARY KEY, big BIGINT UNSIGNED, small TINYINT, price DECIMAL(38,9), wide DECIMAL(50,3), f FLOAT, d DOUBLE, t VARCHAR(200), b VARBINARY(20), at DATETIME(6), ts TIMESTAMP(6) NULL, day DATE, clock TIME(3), bits BIT(9), kind ENUM('a','b'));
SET time_zone = '+02:00'; SET sql_mode = '';
INSERT INTO hard VALUES (1, 18446744073709551615, -128, 12345678901234567890123456789.123456789, 12345678901234567890123456789012345678901234567.125, 0.1, 0.1, 'a "b", \\\\N\\n\u{1F600}', x'00ff22', '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05.678901', '9999-12-31', '-838:59:59.000', b'101010101', 'b'),
(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, 0, 0, 0, 0, 0, -0e0, '', '', '0000-00-00 00:00:00', NULL, NULL, NULL, b'0', NULL), (4, 1, 1, 1, 1, 1, 1, '\\\\N', 'x', '2026-01-01', NULL, NULL, NULL, NULL, NULL);`);
  const found = await bench.read('hard', '', { position: null }, { careful: true });
  expect(found.rows[0]).toEqual({ id: '1', big: '18446744073709551615', small: '-128', price: '12345678901234567890123456789.123456789', wide: '12345678901234567890123456789012345678901234567.125', f: '0.1', d: '0.1', t: 'a "b", \\N\n\u{1F600}', b: '\\x00\\xFF\\x22', at: '2026-01-02 03:04:05.678901', ts: '2026-01-02 01:04:05.678901+00', day: '9999-12-31', clock: '-838:59:59.000', bits: '341', kind: 'b' });
  expect(Object.values(found.rows[1]!).filter((value) => value !== null)).toEqual(['2']);
  expect(found.rows.map((row) => row['id'])).toEqual(['1', '2', '4']);
  expect(found.rows[2]).toMatchObject({ t: '\\N', at: '2026-01-01 00:00:00' });
  // A date that never was has no equal.
  expect(found.rejects.map(({ reasons }) => JSON.parse(reasons) as unknown)).toEqual([[{ column: 'at', reason: 'has no equal in TIMESTAMP' }]]);
  expect(found.count).toBe(4);
});

onServer('a large table is cut by its key, and all rows come once', async () => {
  sql('CREATE TABLE many (id BIGINT PRIMARY KEY, v INT); INSERT INTO many SELECT CAST(seq AS SIGNED) * 7 - 5000, seq FROM seq_1_to_20000; ANALYZE TABLE many');
  const found = await bench.read('many', 'partition: { rows: 3000 }');
  expect(found.plan.partitions.length).toBeGreaterThan(4);
  expect(new Set(found.rows.map((row) => row['id'])).size).toBe(20_000);
  expect(found.count).toBe(20_000);
});

onServer('increments by a cursor: what is new, once, and what an open transaction may still write waits', async () => {
  sql("CREATE TABLE events (id INT PRIMARY KEY, at TIMESTAMP(6) NOT NULL) ENGINE=InnoDB; INSERT INTO events VALUES (1, '2026-01-01 00:00:00.5'), (2, '2026-01-02 00:00:00')");
  const words = 'cursor: at, key: [id], settle: 1 second';
  const first = await bench.read('events', words, { position: null });
  expect(first.rows.map((row) => row['id'])).toEqual(['1', '2']);
  sql("INSERT INTO events VALUES (3, '2026-01-02 00:00:00.000001'), (4, '2037-01-01')");
  const second = await bench.read('events', words, { position: first.plan.position });
  expect(second.rows.map((row) => row['id'])).toEqual(['3']);
  expect((await bench.read('events', words, { position: second.plan.position })).rows).toEqual([]);
});

onServer('a password that is wrong and a table that is not there are named', async () => {
  await expect(bench.read('nothing')).rejects.toThrow('there is no table "shop.nothing"');
  const other = await openBench(mysql, { port: server.port, database: 'shop', user: 'reader', password: 'wrong' });
  await expect(other.read('events')).rejects.toThrow(/Access denied/);
  await other.close();
});
