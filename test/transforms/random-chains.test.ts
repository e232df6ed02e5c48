import { chainProblems } from '../../src/domain/balance';
import { createRejects, runChain } from '../../src/transforms/run-chain';
import { rejectsWithRecords, stepsOf, useEngine } from '../support/chain';

/** Random chains over random dirty rows: every step's line closes, and the counts are those of the rows, counted apart from the counters. */
const engine = useEngine();

const pool = [
  'trim: { columns: "*", empty_to_null: true }', 'cast: { columns: { n: INTEGER } }', 'cast: { columns: { n: "DECIMAL(6,1)" }, on_error: null }', 'filter: { where: "length(a) > 1" }',
  'drop_missing: { columns: [a] }', 'deduplicate: { keys: [a] }', 'deduplicate: { keys: [k], order_by: a desc }', 'explode: { column: l, empty: drop }', 'explode: { column: l }',
  'unpivot: { columns: [a, b] }', 'aggregate: { by: [a], measures: { k: "count(*)", n: "min(n)", b: "min(b)", l: "any_value(l)" } }', 'parse_number: { columns: [b], type: BIGINT }', 'split: { column: b, by: " " , into: [p, q] }',
  'window: { columns: { w: "row_number()" }, partition_by: [a] }', 'map_values: { column: a, values: { x: y, y: x } }', 'normalize: { columns: [a], whitespace: collapse }', 'fill_missing: { columns: [a], with: previous }',
];

/** The same from the same seed. */
const random = (seed: number) => () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };

const rowsSql = (rows: number, seed: number): string => {
  const text = (salt: number): string => `(['x', 'y', ' x', '', NULL, '12', '1.5', 'a b', 'a b c', '99999999999', '😀'])[1 + (hash(i, ${seed}, ${salt}) % 11)::INT]`;
  return `SELECT i % 7 AS k, ${text(1)} AS a, ${text(2)} AS b, ${text(3)} AS n, CASE hash(i, ${seed}) % 4 WHEN 0 THEN NULL WHEN 1 THEN '[]' WHEN 2 THEN '["p", "q", null]' ELSE 'no list' END AS l, i AS _millrace_position FROM range(${rows}) r(i)`;
};

it.each(Array.from({ length: 12 }, (_, seed) => seed + 1))('chain %i closes', (seed) => engine.get().session(new AbortController().signal, async (session) => {
  const next = random(seed * 7919);
  const rows = Math.floor(next() * 300);
  await session.run(`CREATE TEMP TABLE input AS ${rowsSql(rows, seed)}`);
  await createRejects(session, 'rejects');
  let at = { relation: 'input', columns: ['k', 'a', 'b', 'n', 'l'].map((name) => ({ name, type: name === 'k' ? 'BIGINT' : 'VARCHAR', nullable: true })) as readonly { name: string; type: string; nullable: boolean }[] };
  const chosen = [];
  // Only steps that still find their columns.
  for (let tries = 0; tries < 12 && chosen.length < 6; tries += 1) {
    const steps = stepsOf([...chosen, pool[Math.floor(next() * pool.length)]!].map((step) => `- ${step}`).join('\n'));
    const one = steps.at(-1)!;
    const trial = await runChain({ session, relation: at.relation, columns: at.columns, steps: [one], firstStep: chosen.length, checks: [], references: {}, rejects: 'rejects', positions: true }).catch(() => null);
    if (!trial) continue;
    at = trial;
    chosen.push(`${one.name}: ${JSON.stringify(one.options)}`);
  }
  await session.run('DELETE FROM rejects');
  const steps = stepsOf(chosen.map((step) => `- ${step}`).join('\n'));
  const whole = (readOnce: boolean) => runChain({ session, relation: 'input', columns: [...['k', 'a', 'b', 'n', 'l'].map((name) => ({ name, type: name === 'k' ? 'BIGINT' : 'VARCHAR', nullable: true }))], steps, firstStep: 0, checks: [], references: {}, rejects: 'rejects', positions: true, readOnce });
  const count = async (relation: string): Promise<number> => Number((await session.row(`SELECT count(*) AS n FROM "${relation}"`))['n']);
  const inTables = await whole(false);
  const out = await count(inTables.relation);
  // One step at a time, the rows after each are counted where they lie: the fused chain must say the same.
  expect(out).toBe(await count(at.relation));
  const lines = (await inTables.finish()).close(out);
  expect(chainProblems(lines, rows, out)).toEqual([]);
  expect(lines.reduce((sum, { rejected }) => sum + rejected, 0)).toBe(await count('rejects'));

  const rejects = await session.rows(rejectsWithRecords('rejects', 'input', ['k', 'a', 'b', 'n', 'l']));
  await session.run('DELETE FROM rejects');
  const passing = await whole(true);
  await session.run(`CREATE TEMP TABLE passed AS SELECT * FROM "${passing.relation}"`);
  expect((await passing.finish()).close(await count('passed'))).toEqual(lines);
  expect(await session.rows(rejectsWithRecords('rejects', 'input', ['k', 'a', 'b', 'n', 'l']))).toEqual(rejects);
}));
