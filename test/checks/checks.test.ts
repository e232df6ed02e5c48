import { parse } from 'yaml';
import { checkReference, checkSpecSchema } from '../../src/checks/registry';
import { checkId } from '../../src/checks/result-line';
import { runStreamChecks, type CheckOutside } from '../../src/checks/row-checks';
import type { JsonObject } from '../../src/domain/json';
import type { NamedOptions } from '../../src/domain/pipeline';
import type { CheckResultLine } from '../../src/domain/receipt';
import { useEngine } from '../support/chain';

/** What each check says over one table: passed, failing rows, and its words. */
const engine = useEngine();
const table = `SELECT id::BIGINT AS id, code, total::DECIMAL(20,2) AS total, seen::TIMESTAMP AS seen, row_number() OVER () AS _millrace_position FROM (VALUES
  (1, 'ab', '10.00', now()::VARCHAR), (2, 'c', '20.00', '2020-01-01'), (2, NULL, NULL, NULL), (NULL, 'defg', '99999999999999999.01', '2021-01-01')) t(id, code, total, seen)`;

const checkOf = (yaml: string): NamedOptions => {
  const [[name, options]] = Object.entries(parse(yaml) as JsonObject) as [[string, unknown]];
  return { name, options: checkSpecSchema(name).parse(options) as JsonObject };
};

const judge = (yaml: string, outside: CheckOutside = {}, more: JsonObject = {}): Promise<CheckResultLine | undefined> => engine.get().session(new AbortController().signal, async (session) => {
  await session.run(`CREATE TEMP TABLE rows AS ${table}`);
  await session.run("CREATE TEMP TABLE other AS SELECT * FROM (VALUES (1), (7)) t(key)");
  const columns = (await session.rows('DESCRIBE SELECT * EXCLUDE (_millrace_position) FROM rows')).map((row) => ({ name: row['column_name']!, type: row['column_type']!, nullable: true }));
  const check = checkOf(yaml);
  return (await runStreamChecks(session, 'rows', columns, [{ ...check, options: { ...check.options, ...more } }], outside))[0];
});

it.each([
  ['primary_key: { columns: [id] }', 2, '1 rows have no key, 1 repeat one'],
  ['primary_key: { columns: [id, code] }', 2, '2 rows have no key, 0 repeat'],
  ['unique: { columns: [id] }', 1, '1 rows repeat a key'],
  ['length: { column: code, min: 2, max: 3, mostly: 0.9 }', 2, '2 of 4 rows fail, 0.9 must pass'],
  ['length: { column: code, min: 2, max: 3, mostly: 0.5 }', 0, '2 of 4 rows fail'],
  ['type: { column: code, is: BIGINT, mostly: 0.5 }', 3, '3 of 4'],
  ['completeness: { column: total, must_be_at_least: 0.8 }', 1, 'the share of values is 0.75, must be at least 0.8'],
  ['distinct_count: { column: id, must_be: 2 }', 0, 'distinct_count is 2'],
  ['mean: { column: id, must_be_less_than: 1 }', 1, 'mean is 1.66'],
  ['sum: { column: total, must_be: "100000000000000029.01" }', 0, 'sum is 100000000000000029.01'],
  ['sum: { column: total, must_be: "100000000000000029.02" }', 1, 'must be 100000000000000029.02'],
  ['sum: { column: total, must_be: 0, where: "id > 5" }', 1, 'sum is unknown'],
  ['freshness: { column: seen, max_age: 1 day }', 0, 'the newest is of'],
  ['freshness: { column: seen, max_age: 1 day, where: "id = 2" }', 1, 'it may be 1 day old'],
  ['freshness: { column: seen, max_age: 1 day, where: "false" }', 1, 'there is no value'],
  ['schema: { columns: { id: bigint, total: "numeric(20, 2)" } }', 0, 'as expected'],
  ['schema: { columns: { id: INTEGER, gone: VARCHAR }, exact: true }', 5, '"gone" is missing, "id" is BIGINT, not INTEGER, "code" is not expected'],
  ['schema: { columns: [total, id], ordered: true }', 1, 'the order is another'],
  ['row_count: { must_be_between: [5, 9] }', 1, 'row_count is 4'],
  ['matches_source: {}', 1, 'the source cannot be asked'],
])('%s', async (yaml, failing, message) => {
  const line = await judge(yaml);
  expect(line).toMatchObject({ failingRows: failing, passed: failing === 0, message: expect.stringContaining(message) as string });
});

it('relationships counts keys that are not there, and lets NULL pass', async () => {
  const references = { [checkReference(0)]: { other: { relation: '"other"', columns: [{ name: 'key', type: 'INTEGER', nullable: true }] } } };
  expect(await judge('relationships: { column: id, to: { stream: other, column: key }, mostly: 0.9 }', { references })).toMatchObject({ failingRows: 2 });
});

it('matches_source compares what both sides say, within a tolerance', async () => {
  const source = (rows: string, total: string): CheckOutside => ({ askSource: async (aggregates) => { expect(aggregates).toEqual(['count(*)', 'sum(total)']); return [rows, total]; } });
  const check = (tolerance: number): string => `matches_source: { measures: { rows: "count(*)", total: "sum(total)" }, tolerance: ${tolerance} }`;
  expect(await judge(check(0), source('4', '100000000000000029.010'))).toMatchObject({ passed: true, measured: '4' });
  expect(await judge(check(0), source('5', '100000000000000029.02'))).toMatchObject({ failingRows: 2, message: expect.stringContaining('rows is 4, the source says 5') as string });
  expect(await judge(check(0.25), source('5', '100000000000000029.02'))).toMatchObject({ passed: true });
});

describe('anomaly', () => {
  const check = 'anomaly: { on: null_rate, column: total, min_runs: 3 }';
  const before = (...history: readonly string[]): CheckOutside => ({ history: new Map([[checkId(checkOf(check)), history]]) });
  it('waits for enough earlier runs', async () => expect(await judge(check, before('0', '0'))).toMatchObject({ passed: true, message: expect.stringContaining('2 so far') as string, measured: '0.25' }));
  it('finds what is far from them', async () => expect(await judge(check, before('0.01', '0.02', '0.01'))).toMatchObject({ passed: false }));
  it('lets pass what is usual', async () => expect(await judge(check, before('0.24', '0.26', '0.25'))).toMatchObject({ passed: true }));
  it('looks at no more runs than it is told', async () => expect(await judge('anomaly: { min_runs: 2, runs: 2 }', { history: new Map([[checkId(checkOf('anomaly: { min_runs: 2, runs: 2 }')), ['4', '4', '900']]]) })).toMatchObject({ passed: true }));
});

it('a check that judges the whole cannot set rows aside, and mostly goes with single rows that stay', () => {
  expect(() => checkOf('row_count: { must_be: 1, on_fail: quarantine }')).toThrow();
  expect(() => checkOf('length: { column: code, min: 1, mostly: 0.5, on_fail: quarantine }')).toThrow('mostly');
});
