import { describeTable } from '../../src/connectors/postgres/catalog';
import { boundLiteral } from '../../src/connectors/postgres/cursor';
import { conditionOf, planPartitions, type Slice } from '../../src/connectors/postgres/partitions';
import { quoteIdentifier } from '../../src/connectors/postgres/quote';
import type { PlannedWindow } from '../../src/connectors/planned-window';
import { createDatabase, type TestDatabase } from '../support/postgres';

/** Partitions are planned from a sample: on any key none is far bigger than the others, and each row lies in exactly one (semantics 17). */
let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.run("SET synchronous_commit = off; CREATE COLLATION german (provider = icu, locale = 'de-u-ks-level2', deterministic = true)");
});
afterAll(async () => { await database.drop(); });

const rows = 120_000;
const each = 4000;
const whole: PlannedWindow = { window: null, empty: false, condition: 'true', nullsOf: null, notes: [] };

interface Case {
  readonly columns: string;
  /** Over `n`, 1 to `rows`, and `r`, a number from 0 to 1 that looks drawn. */
  readonly values: string;
  readonly analyse?: boolean;
  readonly cursor?: string;
}

const filler = "repeat('x', (n % 90)::int)";
const cases: Readonly<Record<string, Case>> = {
  'skewed keys': { columns: 'id bigint PRIMARY KEY', values: 'CASE WHEN n % 20 = 0 THEN n * 1000000007::bigint ELSE n END' },
  'sparse keys, stored in no order': { columns: 'id bigint PRIMARY KEY', values: '(r * 9e17)::bigint + n' },
  'uuids': { columns: 'id uuid PRIMARY KEY', values: 'md5(n::text)::uuid' },
  'composite keys with few values in front': { columns: 'a int, b int, PRIMARY KEY (a, b)', values: '(CASE WHEN n % 10 < 8 THEN 1 ELSE n % 10 END)::int, n::int' },
  'texts under an ICU collation': { columns: 'id text COLLATE german PRIMARY KEY', values: "(ARRAY['a', 'Ä', 'B', 'ß', 'Z', 'é', '_', '9', 'it''s \\\\'])[1 + n % 9] || md5(n::text)" },
  'negative keys': { columns: 'id numeric(20,3) PRIMARY KEY', values: '-n * 3.125' },
  'a table never analysed': { columns: 'id bigint PRIMARY KEY', values: 'n', analyse: false },
  'no key at all': { columns: 'id int', values: '(n % 7)::int' },
  'a cursor with one value in most rows': { columns: 'id bigint PRIMARY KEY, at timestamptz NOT NULL', values: "n, CASE WHEN n % 5 = 0 THEN timestamptz '2026-01-01' + n * interval '1 second' ELSE timestamptz '2026-01-02' END", cursor: 'at' },
};

test.each(Object.entries(cases))('%s: no partition above 4 times the median, every row in exactly one, the same plan again', async (name, { columns, values, analyse = true, cursor }) => {
  const table = `keys_${Object.keys(cases).indexOf(name)}`;
  await database.run(`CREATE TABLE ${table} (${columns}, filler text) WITH (autovacuum_enabled = false)`);
  await database.run(`INSERT INTO ${table} SELECT ${values}, ${filler} FROM (SELECT n, ('x' || substr(md5(n::text), 1, 8))::bit(32)::bigint / 4294967296.0 AS r FROM generate_series(1, ${rows}) n) numbers`);
  if (analyse) await database.run(`ANALYZE ${table}`);
  const described = await describeTable(database, table, 'public');
  const bound = cursor ? `${quoteIdentifier(cursor)} < ${boundLiteral('timestamptz', '2026-02-01')}` : null;
  const planned: PlannedWindow = cursor ? { ...whole, window: { cursor, lower: null, upper: '2026-02-01' }, condition: bound! } : whole;
  const { partitions } = await planPartitions(database, described, planned, each);
  const conditions = partitions.map(({ detail }) => `(${conditionOf(detail as unknown as Slice, described, bound)})`);
  const counted = await database.row(`SELECT ${conditions.map((condition, index) => `count(*) FILTER (WHERE ${condition})::text AS c${index}`).join(', ')}, count(*) FILTER (WHERE ${conditions.map((condition) => `${condition}::int`).join(' + ')} IS DISTINCT FROM 1)::text AS astray FROM ${table}`);
  const sizes = partitions.map((_partition, index) => Number(counted[`c${index}`])).sort((left, right) => left - right);
  expect(counted['astray']).toBe('0');
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(rows);
  expect(sizes.length).toBeGreaterThan(rows / each / 2);
  expect(sizes.at(-1)! / sizes[Math.floor(sizes.length / 2)]!).toBeLessThanOrEqual(4);
  expect((await planPartitions(database, await describeTable(database, table, 'public'), planned, each)).partitions).toEqual(partitions);
});
