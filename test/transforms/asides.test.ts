import type { Session } from '../../src/transforms/duckdb-engine';
import { createAsideUsers, mostAsides } from '../../src/transforms/asides';
import { createRejects, runChain } from '../../src/transforms/run-chain';
import { rejectsWithRecords, stepsOf, useEngine } from '../support/chain';

/** Rejects that are set aside as the rows pass: the same as those asked for afterwards, bounded, and gone with those who wrote them. */
const engine = useEngine();
const session = <Result>(work: (session: Session) => Promise<Result>): Promise<Result> => engine.get().session(new AbortController().signal, work);
const logged = async (one: Session): Promise<number> => Number((await one.row('SELECT count(*) AS n FROM duckdb_logs'))['n']);

const asideOf = (rows: number, { every = 10, text = "'no number ' || i" } = {}) => session(async (one) => {
  await one.run(`CREATE TEMP TABLE input AS SELECT i AS id, CASE WHEN i % ${every} = 0 THEN ${text} ELSE CAST(i AS VARCHAR) END AS n, i AS _millrace_position FROM range(${rows}) r(i)`);
  await createRejects(one, 'rejects');
  const columns = [{ name: 'id', type: 'BIGINT', nullable: true }, { name: 'n', type: 'VARCHAR', nullable: true }];
  const chain = await runChain({ session: one, relation: 'input', columns, steps: stepsOf('- add: { columns: { twice: "id * 2" } }\n- cast: { columns: { n: BIGINT } }'), firstStep: 0, checks: [], references: {}, rejects: 'rejects', positions: true, readOnce: true });
  const out = await one.changed(`CREATE TEMP TABLE outcome AS SELECT * FROM "${chain.relation}"`);
  const written = await logged(one);
  const lines = (await chain.finish()).close(out);
  const { bare } = await one.row('SELECT count(*) FILTER (record IS NULL) AS bare FROM rejects');
  return { rejected: lines.at(-1)!.rejected, rejects: await one.rows(rejectsWithRecords('rejects', 'input', ['id', 'n'])), written, bare: Number(bare) };
});

test('a reject carries the record that came into the chain, and the rows are not asked again', async () => {
  const { rejected, rejects, bare } = await asideOf(30);
  expect(rejected).toBe(3);
  expect(bare).toBe(0);
  expect(rejects[1]).toEqual({ position: '10', step: '2 cast', reasons: '[{"column":"n","reason":"is not a BIGINT without loss"}]', raw: null, record: '{"id":"10","n":"no number 10"}' });
});

test.each<readonly [string, number, { readonly every?: number; readonly text?: string }, number]>([
  ['more rejects than are set aside', mostAsides + 1, { every: 1 }, mostAsides],
  ['a record longer than what is set aside', 20, { text: "repeat('é', 5000)" }, 0],
])('%s: the rows are asked again, and none is missing', async (_name, rows, options, most) => {
  const { rejected, rejects, written, bare } = await asideOf(rows, options);
  expect(written).toBeLessThanOrEqual(most);
  expect(rejected).toBe(Math.ceil(rows / (options.every ?? 10)));
  expect(rejects).toHaveLength(rejected);
  expect(new Set(rejects.map(({ position }) => position)).size).toBe(rejected);
  expect(bare).toBe(rejected);
});

test('two chains at a time keep their rejects apart, and nothing stays behind', async () => {
  const both = await Promise.all([asideOf(1000), asideOf(2000)]);
  expect(both.map(({ rejects }) => rejects.length)).toEqual([100, 200]);
  expect(both.map(({ bare }) => bare)).toEqual([0, 0]);
  expect(await session(logged)).toBe(0);
});

test('statements are not logged', () => session(async (one) => {
  await one.run("SELECT 'a secret'");
  expect(await logged(one)).toBe(0);
}));

test('whoever comes while the log is full or cleared asks the rows again', () => {
  const users = createAsideUsers();
  const entered = Array.from({ length: 20 }, () => users.enter()).filter(Boolean).length;
  expect(entered).toBeLessThan(20);
  for (let left = 1; left < entered; left += 1) expect(users.leave()).toBe(false);
  expect(users.enter()).toBe(false);
  expect(users.leave()).toBe(true);
  expect(users.enter()).toBe(false);
  users.cleared();
  expect(users.enter()).toBe(true);
});
