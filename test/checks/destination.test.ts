import { randomBytes } from 'node:crypto';
import { parse } from 'yaml';
import { runDestinationChecks } from '../../src/checks/destination-checks';
import { checks, checkSpecSchema } from '../../src/checks/registry';
import { parseConnections } from '../../src/config/connections';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { InspectedTable } from '../../src/connectors/connector';
import type { JsonObject } from '../../src/domain/json';
import type { CheckResultLine } from '../../src/domain/receipt';
import { useEngine } from '../support/chain';
import { connections } from '../support/orders';
import { createDatabase, type TestDatabase } from '../support/postgres';
import { progressOf } from '../support/probe';
import { eventually } from '../support/temporal';
import { install, nextDate, summaryOf, type Installation } from '../support/worker';

const mark = randomBytes(4).toString('hex');
const engine = useEngine();
let database: TestDatabase;
let place: Installation;

beforeAll(async () => {
  database = await createDatabase();
  for (const sql of tables) await database.run(sql);
  place = await install(connections(database, database));
  await place.startWorker();
});
afterAll(async () => {
  await place.close();
  await database.drop();
});

/** The same rows, in words that both databases know. */
const tables = [
  'CREATE TABLE places (code varchar PRIMARY KEY)', "INSERT INTO places VALUES ('ab')",
  'CREATE TABLE held (id bigint, code varchar, total numeric(20,2), seen timestamp)',
  "INSERT INTO held VALUES (1, 'ab', 10.00, now()), (2, 'c', 20.00, '2020-01-01'), (2, NULL, NULL, NULL), (NULL, 'defg', 99999999999999999.01, '2021-01-01')",
];
const columns = [['id', 'bigint'], ['code', 'varchar'], ['total', 'numeric(20,2)'], ['seen', 'timestamp']].map(([name, type]) => ({ name: name!, type: type!, nullable: true }));

const specOf = (yaml: string) => {
  const [[name, options]] = Object.entries(parse(yaml) as JsonObject) as [[string, JsonObject]];
  return { name, options: checkSpecSchema(name).parse({ ...options, at: 'destination' }) as JsonObject };
};
/** What Postgres and DuckDB answer, which must be the same. */
async function judged(yaml: string): Promise<CheckResultLine> {
  const ask = async (table: InspectedTable) => (await runDestinationChecks([specOf(yaml)], table))[0]!;
  const postgres = await ask({ table: '"held"', columns, dialect: 'postgres', ask: (sql) => database.row(sql) });
  const duckdb = await engine.get().session(new AbortController().signal, async (session) => {
    for (const sql of tables) await session.run(sql.replace('CREATE', 'CREATE TEMP'));
    return ask({ table: 'held', columns, dialect: 'duckdb', ask: (sql) => session.row(sql) });
  });
  expect({ ...postgres, message: '', measured: '' }).toEqual({ ...duckdb, message: '', measured: '' });
  return postgres;
}

const cases = [
  ['not_null: { columns: [id, code] }', 2, '2 of 4 rows fail'],
  ['unique: { columns: [id] }', 1, '1 rows repeat a key'],
  ['primary_key: { columns: [id] }', 2, '1 rows have no key, 1 repeat one'],
  ['primary_key: { columns: [id, code] }', 2, '2 rows have no key, 0 repeat'],
  ['accepted_values: { column: id, values: [1, 2] }', 0, '0 of 4 rows fail'],
  ['relationships: { column: code, to: { table: places, column: code } }', 2, '2 of 4 rows fail'],
  ['range: { column: total, min: 11, max: "99999999999999999.00" }', 2, '2 of 4'],
  ['length: { column: code, min: 2, max: 3, mostly: 0.9 }', 2, '2 of 4 rows fail, 0.9 must pass'],
  ['length: { column: code, min: 2, max: 3, mostly: 0.5 }', 0, '2 of 4 rows fail'],
  ['pattern: { column: code, matches: "[a-c]+" }', 1, '1 of 4'],
  ['expression: { holds: "total > 15" }', 2, '2 of 4'],
  ['row_count: { must_be_between: [5, 9] }', 1, 'row_count is 4'],
  ['row_count: { must_be: 2, where: "id = 2" }', 0, 'row_count is 2'],
  ['completeness: { column: total, must_be_at_least: 0.8 }', 1, 'the share of values is 0.75'],
  ['distinct_count: { column: id, must_be: 2 }', 0, 'distinct_count is 2'],
  ['mean: { column: id, must_be_less_than: 1 }', 1, 'mean is 1.66'],
  ['sum: { column: total, must_be: "100000000000000029.01" }', 0, 'sum is 100000000000000029.01'],
  ['freshness: { column: seen, max_age: 1 day }', 0, 'the newest is of'],
  ['freshness: { column: seen, max_age: 1 day, where: "id = 2" }', 1, 'it may be 1 day old'],
  ['schema: { columns: [id, code, gone], exact: true }', 3, '"gone" is missing'],
  ['sql: { query: "SELECT count(*) FROM input i JOIN places p ON p.code = i.code", must_be: 1 }', 0, 'the query gives 1'],
] as const;

it.each(cases)('asks the destination: %s', async (yaml, failing, message) => {
  expect(await judged(yaml)).toMatchObject({ at: 'destination', failingRows: failing, passed: failing === 0, message: expect.stringContaining(message) as string });
});

it('tries every check that takes it', () => {
  expect(new Set(cases.map(([yaml]) => yaml.split(':')[0]))).toEqual(new Set(checks.filter(({ asksDestination }) => asksDestination).map(({ name }) => name)));
});

it('calls a condition that the destination does not know the mistake of the pipeline, and repeats no value', async () => {
  const ask = (yaml: string) => runDestinationChecks([specOf(yaml)], { table: '"held"', columns, dialect: 'postgres', ask: (sql) => database.row(sql) });
  await expect(ask('expression: { holds: "total > nothing" }')).rejects.toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining('column "nothing" does not exist') as string });
  await expect(ask('expression: { holds: "code::int > 0" }')).rejects.toMatchObject({ message: expect.not.stringContaining('"ab"') as string });
});

describe('the file', () => {
  const known = parseConnections('s: { connector: postgres, database: s }\nlake: { connector: files, path: l }\n', 'connections.yaml');
  const pipeline = (check: string, destination: string, visible: string) => parsePipeline(
    `pipeline: p\nsource: s\ndestination: ${destination}\nstreams:\n  - { stream: o, to: loaded, mode: incremental, cursor: at, write: append, visible: ${visible}, checks: [{ ${check} }] }\n`, 'p.yaml', known);
  it.each([
    ['not_null: { columns: [id], at: destination, on_fail: quarantine }', 'rows are set aside before they are loaded'],
    ['matches_source: { at: destination }', '"at"'],
    ['relationships: { column: id, to: { table: t, column: id } }', 'go together'],
    ['relationships: { column: id, at: destination, to: { file: t.csv, column: id } }', 'go together'],
    ['row_count: { must_be: 1, at: destination }', 'cannot be taken back', 's', 'batch'],
    ['row_count: { must_be: 1, at: destination }', '"files" does not', 'lake'],
  ])('refuses %s', (check, message, destination = 's', visible = 'run') => expect(() => pipeline(check, destination, visible)).toThrow(message));
  it('takes the words that belong together', () => {
    expect(pipeline('relationships: { column: id, at: destination, to: { table: t, column: id } }', 's', 'run').streams[0]!.visible).toBe('run');
  });
});

describe.each(['db', 'duck'])('a run into %s', (destination) => {
  const yaml = (check: string, to: string): string =>
    `pipeline: ${to}_${mark}\nsource: shop\ndestination: ${destination}\nstreams:\n  - { stream: held, to: ${to}, mode: full, write: append, snapshot: true, steps: [{ filter: { where: "id IS NOT NULL" } }], checks: [{ ${check} }] }\n`;
  const once = (name: string) => `${name}_${destination}`;

  it('publishes what holds there and says so in the receipt; a second copy breaks the key of the table, and nothing of it is published', async () => {
    const text = yaml('unique: { columns: [id, code, total], at: destination }, ', once('twice')).replace('id IS NOT NULL', 'code IS NOT NULL');
    const first = await place.run(text);
    expect(first.streams[0]).toMatchObject({ state: 'succeeded', totals: { loaded: 3 }, checks: [{ check: 'unique', at: 'destination', passed: true, failingRows: 0 }] });
    const second = await place.run(text);
    expect(second.streams[0]).toMatchObject({ state: 'failed', totals: { loaded: 0 }, checks: [{ check: 'unique', at: 'destination', passed: false, failingRows: 2 }], error: { area: 'check', message: expect.stringContaining('2 rows repeat a key') as string } });
    expect(await place.verify(`twice_${destination}_${mark}`)).toMatchObject({ ok: true });
  });

  it('goes on with a warning, and waits for a person where that is asked', async () => {
    const warned = await place.run(yaml('row_count: { must_be: 7, at: destination, on_fail: warn }', once('warned')));
    expect(warned.streams[0]).toMatchObject({ state: 'succeeded', totals: { loaded: 3 }, checks: [{ check: 'row_count', passed: false, measured: '3' }] });

    const handle = await place.start(yaml('row_count: { must_be: 7, at: destination, on_fail: approve }', once('asked')), nextDate());
    await eventually(async () => JSON.stringify(await progressOf(handle).catch(() => null)).includes('waiting_approval'), 'the run to wait for approval');
    await handle.executeUpdate('approve', { args: [{ by: 'me', reason: 'it is a small day' }] as [unknown] });
    const approved = await summaryOf(handle);
    expect(approved.streams[0]).toMatchObject({ state: 'succeeded', totals: { loaded: 3 }, approvals: [{ by: 'me' }], checks: [{ check: 'row_count', passed: false, onFail: 'approve' }] });
  });
});
