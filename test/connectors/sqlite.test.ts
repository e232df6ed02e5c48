import path from 'node:path';
import { Database } from 'node-sqlite3-wasm';
import { sqlite } from '../../src/connectors/sqlite';
import { openBench } from '../support/files';

test('hard values arrive as they are; a value of another kind than its column is set aside', async () => {
  const bench = await openBench(sqlite, { path: 'in/shop.db' });
  const database = new Database(path.join(bench.home, 'in/shop.db'));
  database.exec(`CREATE TABLE hard (id INTEGER PRIMARY KEY, big BIGINT, d REAL, t TEXT, b BLOB);
INSERT INTO hard VALUES (1, 9223372036854775807, 0.1, 'a "b", \\N' || char(10) || '\u{1F600}', x'00ff'), (2, NULL, NULL, NULL, NULL), (3, 'no number', 1e300, '', x''), (4, -9223372036854775808, 2, '\\N', NULL)`);
  database.close();
  const found = await bench.read('hard', '', { position: null }, { careful: true });
  expect(found.rows.map((row) => row['id'])).toEqual(['1', '2', '4']);
  expect(found.rows[0]).toEqual({ id: '1', big: '9223372036854775807', d: '0.1', t: 'a "b", \\N\n\u{1F600}', b: '\\x00\\xFF' });
  expect(found.rows[2]).toEqual({ id: '4', big: '-9223372036854775808', d: '2.0', t: '\\N', b: null });
  expect(found.rejects.map(({ reasons }) => JSON.parse(reasons) as unknown)).toEqual([[{ column: 'big', reason: 'has no equal in BIGINT' }]]);
  expect(found.plan.key).toEqual(['id']);
  await expect(bench.read('none')).rejects.toThrow('there is no such table');
  await bench.close();
});
