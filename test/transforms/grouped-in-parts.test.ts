import type { Column } from '../../src/domain/column';
import { partsFor } from '../../src/transforms/grouped-in-parts';
import { createRejects, runChain } from '../../src/transforms/run-chain';
import { stepsOf, useEngine } from '../support/chain';

const engine = useEngine();
const columns: readonly Column[] = [['customer', 'BIGINT'], ['note', 'VARCHAR'], ['total', 'DECIMAL(12,2)']].map(([name, type]) => ({ name: name!, type: type!, nullable: true }));
const rows = 250_000;

describe('many groups of which much is kept', () => {
  it('are made part by part, and are what they would be at once', () => engine.get().session(new AbortController().signal, async (session) => {
    await session.run(`CREATE TEMP TABLE input AS SELECT CASE WHEN n % 1000 = 0 THEN NULL ELSE hash(n) % 120000 END::BIGINT AS customer, repeat(chr(97 + (n % 26)::INT), 560) || n AS note, (n % 977)::DECIMAL(12,2) AS total, n AS _millrace_position FROM range(${rows}) r(n)`);
    await createRejects(session, 'rejects');
    const statements: string[] = [];
    const watched = { ...session, run: (sql: string) => { statements.push(sql); return session.run(sql); } };
    const steps = stepsOf('- aggregate: { by: { who: "customer + 1" }, measures: { n: "count(*)", total: "sum(total)", last: "max(note)", all_of: "list(total ORDER BY total)" } }');
    const result = await runChain({ session: watched, relation: 'input', columns, steps, firstStep: 0, checks: [], references: {}, rejects: 'rejects', positions: true });
    expect(statements.filter((sql) => sql.startsWith('INSERT INTO')).length).toBeGreaterThan(0);
    const out = Number((await session.row(`SELECT count(*) AS n FROM "${result.relation}"`))['n']);
    expect((await result.finish()).close(out)).toMatchObject([{ in: rows, out, aggregated: rows - out }]);
    const groups = (from: string): string => `SELECT count(*) AS n, sum(hash(who, n, total, last, all_of)) AS s FROM (${from})`;
    expect(await session.row(groups(`SELECT * FROM "${result.relation}"`))).toEqual(await session.row(groups('SELECT customer + 1 AS who, count(*) AS n, sum(total) AS total, max(note) AS last, list(total ORDER BY total) AS all_of FROM input GROUP BY customer')));
    expect(await session.row(`SELECT count(*) FILTER (who < before) AS unsorted, max(_millrace_position) AS last FROM (SELECT who, _millrace_position, lag(who) OVER (ORDER BY _millrace_position) AS before FROM "${result.relation}")`)).toEqual({ unsorted: '0', last: String(out - 1) });
  }));

  it.each([
    ['sums and counts', ['count(*)', 'sum(total)', 'avg(total) FILTER (total > 3)', 'max(total)', 'count(DISTINCT note)'], 1], ['a text of each', ['count(*)', 'max(note)'], 20], ['what a text is kept for', ['length(max(note))'], 20],
    ['a list', ['list(total)'], 7], ['a comparison of what is kept', ["min(note) = 'x'"], 20],
  ] as const)('are made at once where %s need one size each, else in as many parts as rows and texts ask for', (_name, measures, parts) => engine.get().session(new AbortController().signal, async (session) => {
    await session.run("CREATE TEMP TABLE few AS SELECT n AS customer, 'abcdefghijklmnopqrstuvwxyz abcdefgh' AS note, n::DECIMAL(12,2) AS total FROM range(10) r(n)");
    const state = { relation: 'few', columns, reshaped: false, record: null, pending: [] };
    expect(await partsFor(session, state, { by: ['customer'], names: ['customer'], measures }, 52_000_000, 10_000_000)).toBe(parts);
    expect(await partsFor(session, state, { by: ['customer'], names: ['customer'], measures }, 52_000_000, 90_000)).toBe(1);
  }));
});
