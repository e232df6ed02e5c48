import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chainProblems } from '../../src/domain/balance';
import type { Column } from '../../src/domain/column';
import { openEngine, type Engine, type Session } from '../../src/transforms/duckdb-engine';
import { createRejects, runChain, type References } from '../../src/transforms/run-chain';
import { quoteLiteral } from '../../src/transforms/quote';
import { stepsOf } from '../support/chain';

/**
 * What needs the whole stream works on the disk where memory ends. (`lookup` holds one row per key of the other table in memory: a big table is joined.) `MILLRACE_LONG_ROWS` for another number of rows than 50 million,
 * `MILLRACE_LONG_MEMORY` for another limit than 1 GB: `MILLRACE_LONG_ROWS=5000000 MILLRACE_LONG_MEMORY=100MB` is the same on a small scale.
 */
const rows = Number(process.env['MILLRACE_LONG_ROWS'] ?? 50_000_000);
const memoryLimit = process.env['MILLRACE_LONG_MEMORY'] ?? '1GB';
let engine: Engine;
let folder: string;
let file: string;
let other: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-out-of-core-'));
  [file, other] = [path.join(folder, 'orders.parquet'), path.join(folder, 'customers.parquet')];
  const roomy = await openEngine({ memoryLimit: '4GB', tempFolder: path.join(folder, 'making'), tempLimit: '100GB', slots: 1, threads: 2 });
  // Each order four times, each of as many customers as there are different orders; nothing is sorted.
  await inside(roomy, (session) => session.run(
    `COPY (SELECT hash(n) % ${Math.ceil(rows / 4)} AS id, hash(n, 7) % ${Math.ceil(rows / 4)} AS customer, md5(n::VARCHAR) AS note, (n % 100000)::DECIMAL(12,2) AS total, n AS _millrace_position FROM range(${rows}) r(n)) TO ${quoteLiteral(file)} (FORMAT parquet);` +
    `COPY (SELECT hash(n, 3) AS mixed, n AS customer, md5('c' || n) AS name FROM range(${Math.ceil(rows / 4)}) r(n) ORDER BY hash(n, 3)) TO ${quoteLiteral(other)} (FORMAT parquet)`));
  await roomy.close();
  engine = await openEngine({ memoryLimit, tempFolder: path.join(folder, 'temp'), tempLimit: '200GB', slots: 1, threads: 2 });
});
afterAll(async () => {
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

const inside = <Result>(on: Engine, work: (session: Session) => Promise<Result>): Promise<Result> => on.session(new AbortController().signal, work);
const columns: readonly Column[] = [['id', 'UBIGINT'], ['customer', 'UBIGINT'], ['note', 'VARCHAR'], ['total', 'DECIMAL(12,2)']].map(([name, type]) => ({ name: name!, type: type!, nullable: true }));
const references: References = { 0: { other: { relation: 'customers', columns: [['customer', 'BIGINT'], ['name', 'VARCHAR']].map(([name, type]) => ({ name: name!, type: type!, nullable: true })) } } };

/** Steps over all rows into a file, as transform-stream does; the balance closes over what the file holds. */
const outOf = (yaml: string): Promise<number> => inside(engine, async (session) => {
  await session.run(`CREATE TEMP VIEW input AS SELECT id, customer, note, total, _millrace_position FROM read_parquet(${quoteLiteral(file)})`);
  await session.run(`CREATE TEMP VIEW customers AS SELECT customer, name FROM read_parquet(${quoteLiteral(other)})`);
  await createRejects(session, 'rejects');
  const result = await runChain({ session, relation: 'input', columns, steps: stepsOf(yaml), firstStep: 0, checks: [], references, rejects: 'rejects', positions: true });
  const out = await session.changed(`COPY (SELECT * FROM "${result.relation}") TO ${quoteLiteral(path.join(session.scratch(), 'out.parquet'))} (FORMAT parquet)`);
  expect(chainProblems((await result.finish()).close(out), rows, out)).toEqual([]);
  return out;
});

test.each([
  ['deduplicate', '- deduplicate: { keys: [id], order_by: total desc }', (out: number) => out <= Math.ceil(rows / 4) && out > rows / 5],
  ['aggregate', '- aggregate: { by: [customer], measures: { n: "count(*)", total: "sum(total)", notes: "max(note)" } }', (out: number) => out <= Math.ceil(rows / 4) && out > rows / 5],
  ['join', '- join: { file: customers.parquet, on: [customer], columns: [name] }', (out: number) => out === rows],
  ['window', '- window: { partition_by: [customer], order_by: total, columns: { so_far: "sum(total)", place: "row_number()" } }', (out: number) => out === rows],
] as const)('%s finishes within its memory', async (step, yaml, holds) => {
  const started = Date.now();
  const out = await outOf(yaml);
  process.stdout.write(`${step}: ${rows} rows in ${Math.round((Date.now() - started) / 1000)} s under ${memoryLimit}\n`);
  expect(holds(out)).toBe(true);
});
