import { parsePipeline } from '../../src/config/load-pipeline';
import type { PlanRequest, Source } from '../../src/connectors/connector';
import { redshift } from '../../src/connectors/redshift';
import type { SourcePlan } from '../../src/domain/plan';
import { startWarehouse, type SimulatedWarehouse } from '../support/redshift';

/** What a reading of Redshift plans: windows of every kind of cursor, slices, queries. That rows arrive is in source-conformance.test.ts. */
let warehouse: SimulatedWarehouse;
let source: Source;
beforeAll(async () => {
  warehouse = await startWarehouse();
  source = await redshift.openSource!(redshift.configSchema.parse((({ connector: _connector, ...rest }) => rest)(JSON.parse(warehouse.connection) as Record<string, unknown>)), { engine: undefined as never, baseFolder: '.', connection: 'rs' });
  await warehouse.run(`CREATE TABLE seen (id int NOT NULL, d date, ts timestamp, tz timestamptz NOT NULL, v varchar(20));
    INSERT INTO seen VALUES (1, '2026-01-01', '2026-01-01 10:00:00', '2026-01-01 10:00:00+00', 'a'), (2, '2026-01-02', '2026-01-02 10:00:00', '2026-01-02 10:00:00+00', 'b'), (3, '2026-01-03', '2026-01-03 12:30:00', '2026-01-03 12:30:00+00', 'c'), (4, NULL, NULL, '2026-01-03 12:45:00+00', 'd')`);
});
afterAll(async () => {
  await source.close();
  await warehouse.close();
});

const control = { signal: new AbortController().signal, progress: () => undefined, reached: () => undefined };
const plan = (words: string, more: Partial<PlanRequest> & { readonly cursor?: string } = {}): Promise<SourcePlan> => source.plan({
  stream: parsePipeline(`pipeline: p\nsource: a\ndestination: b\nstreams:\n  - { stream: seen, to: t, settle: 1 second, ${words} }\n`, 'p.yaml').streams[0]!,
  position: more.cursor === undefined ? null : { cursor: more.cursor }, files: [], logicalDate: '2026-01-03T12:00:00Z', ...more,
}, control);
const keyed = (words: string) => `mode: incremental, write: merge, key: [id], ${words}`;

test.each([
  ['an instant', 'cursor: tz', undefined, { cursor: 'tz', lower: null, upper: '2026-01-03 12:00:00+00' }],
  ['an instant, from a checkpoint', 'cursor: tz', '2026-01-02 10:00:00.000001+00', { cursor: 'tz', lower: '2026-01-02 10:00:00.000001+00', upper: '2026-01-03 12:00:00+00' }],
  ['an instant, looking back', 'cursor: tz, lookback: 1 hour', '2026-01-02 10:00:00+00', { cursor: 'tz', lower: '2026-01-02 09:00:00+00', upper: '2026-01-03 12:00:00+00' }],
  ['a date, whose running day is left', 'cursor: d, null_cursor: exclude', undefined, { cursor: 'd', lower: null, upper: '2026-01-03' }],
  ['a date, whose running day is read with a lookback', 'cursor: d, null_cursor: exclude, lookback: 1 day', '2026-01-03', { cursor: 'd', lower: '2026-01-02', upper: '2026-01-04' }],
  ['a time of a zone', 'cursor: ts, null_cursor: exclude, cursor_timezone: Europe/Berlin', undefined, { cursor: 'ts', lower: null, upper: '2026-01-03 12:30:00.000001' }],
  ['a time of UTC', 'cursor: ts, null_cursor: exclude, cursor_timezone: UTC', undefined, { cursor: 'ts', lower: null, upper: '2026-01-03 12:00:00' }],
  ['a time without a zone, which may be ahead', 'cursor: ts, null_cursor: exclude', undefined, { cursor: 'ts', lower: null, upper: '2026-01-03 12:30:00.000001' }],
  ['a number', 'cursor: id', '2', { cursor: 'id', lower: '2', upper: '5' }],
])('a window of %s ends before what can still be written', async (_what, words, cursor, window) => {
  expect((await plan(keyed(words), cursor === undefined ? {} : { cursor })).window).toEqual(window);
});

test('nothing new is no window, and says why; what is not read yet is counted; without a lookback it says what may be missed', async () => {
  const again = await plan(keyed('cursor: tz'), { cursor: '2026-01-03 12:00:00+00' });
  expect(again).toMatchObject({ window: null, partitions: [], position: { cursor: '2026-01-03 12:00:00+00' } });
  expect(again.notes.join('\n')).toMatch(/nothing new: "tz" has been read up to 2026-01-03 12:00:00\+00/);
  expect((await plan(keyed('cursor: tz'))).notes).toEqual(expect.arrayContaining([expect.stringMatching(/^2 rows lie beyond/), expect.stringMatching(/does not show the open transactions of others/)]) as string[]);
  expect((await plan(keyed('cursor: tz, lookback: 1 hour'))).notes.join()).not.toContain('open transactions');
});

test('rows without a cursor are a partition of their own, left out, or refused, as null_cursor says', async () => {
  expect((await plan(keyed('cursor: d'))).partitions.map(({ label }) => label)).toEqual(['public.seen', 'd without value']);
  expect((await plan(keyed('cursor: d, null_cursor: exclude'))).partitions).toHaveLength(1);
  await expect(plan('mode: incremental, write: append, cursor: d')).rejects.toThrow(/1 rows have no value in the cursor "d"/);
});

test('a backfill reads exactly its range', async () => {
  expect(await plan(keyed('cursor: tz'), { range: { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z' } })).toMatchObject({ window: { lower: '2026-01-01 00:00:00+00', upper: '2026-01-03 00:00:00+00' } });
  await expect(plan(keyed('cursor: id'), { range: { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z' } })).rejects.toThrow(/its cursor "id" is a number/);
});

test('slices cover all rows once, by key or by cursor; a table without either is one, and says so', async () => {
  const full = 'mode: full, write: replace, partition: { rows: 1 }';
  expect((await plan(`${full}, key: [d]`)).partitions.map(({ label, detail }) => [label, (detail as { nulls: boolean }).nulls])).toEqual([['d start … 2026-01-02', true], ['d 2026-01-02 … 2026-01-03', false], ['d 2026-01-03 … end', false]]);
  expect(await plan(`${full}, key: [v]`)).toMatchObject({ partitionKey: ['v'], partitions: [{}, {}, {}, {}] });
  expect((await plan(full)).notes).toEqual([expect.stringMatching(/read as one partition of 4 rows: name a key or a cursor/)]);
});

test('a query is a stream; a column without a name or with a vague type is refused before anything is read', async () => {
  const ask = (query: string) => plan(`mode: full, write: replace, query: ${JSON.stringify(query)}`);
  expect((await ask('SELECT id, v, CAST(1.5 AS DECIMAL(9,2)) AS n, tz FROM seen WHERE id < 3;')).columns).toMatchObject([{ name: 'id', type: 'INTEGER' }, { name: 'v', type: 'VARCHAR' }, { name: 'n', type: 'DECIMAL(9,2)' }, { name: 'tz', type: 'TIMESTAMP WITH TIME ZONE' }]);
  await expect(ask('SELECT id, id + 1 FROM seen')).rejects.toThrow(/one without a name/);
  await expect(ask('SELECT id, id FROM seen')).rejects.toThrow(/two columns "id"/);
  await expect(ask('SELECT avg(id) AS mean FROM seen')).rejects.toThrow(/"mean" of the query is a decimal without a precision/);
  await expect(ask('SELECT no_such FROM seen')).rejects.toThrow(/no_such/);
});
