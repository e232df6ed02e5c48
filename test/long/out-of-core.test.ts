import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sizeOf } from '../../src/config/size';
import { chainProblems } from '../../src/domain/balance';
import type { Column } from '../../src/domain/column';
import { openEngine, type Engine, type Session } from '../../src/transforms/duckdb-engine';
import { createRejects, runChain, type References } from '../../src/transforms/run-chain';
import { quoteLiteral } from '../../src/transforms/quote';
import { stepsOf } from '../support/chain';

/**
 * What needs the whole stream works on the disk where memory ends. `MILLRACE_LONG_ROWS` for another number of rows than 50 million,
 * `MILLRACE_LONG_MEMORY` for another limit than 1 GB: `MILLRACE_LONG_ROWS=10000000 MILLRACE_LONG_MEMORY=250MB` is the same on a small scale.
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
  // Each order four times, each of as many customers as there are different orders; nothing is sorted.
  await roomy((session) => session.run(
    `COPY (SELECT hash(n) % ${Math.ceil(rows / 4)} AS id, hash(n, 7) % ${Math.ceil(rows / 4)} AS customer, md5(n::VARCHAR) AS note, (n % 100000)::DECIMAL(12,2) AS total, n AS _millrace_position FROM range(${rows}) r(n)) TO ${quoteLiteral(file)} (FORMAT parquet);` +
    `COPY (SELECT hash(n, 3) AS mixed, n AS customer, md5('c' || n) AS name FROM range(${Math.ceil(rows / 4)}) r(n) ORDER BY hash(n, 3)) TO ${quoteLiteral(other)} (FORMAT parquet)`));
  engine = await openEngine({ memoryLimit, tempFolder: path.join(folder, 'temp'), tempLimit: '200GB', slots: 1, threads: 2 });
});
afterAll(async () => {
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

const inside = <Result>(on: Engine, work: (session: Session) => Promise<Result>): Promise<Result> => on.session(new AbortController().signal, work);
/** For what is not measured; it is gone while something is. */
async function roomy(work: (session: Session) => Promise<void>): Promise<void> {
  const one = await openEngine({ memoryLimit: '4GB', tempFolder: path.join(folder, 'making'), tempLimit: '100GB', slots: 1, threads: 2 });
  await inside(one, work).finally(() => one.close());
}
const columns: readonly Column[] = [['id', 'UBIGINT'], ['customer', 'UBIGINT'], ['note', 'VARCHAR'], ['total', 'DECIMAL(12,2)']].map(([name, type]) => ({ name: name!, type: type!, nullable: true }));
const references: References = { 0: { other: { relation: 'customers', columns: [['customer', 'BIGINT'], ['name', 'VARCHAR']].map(([name, type]) => ({ name: name!, type: type!, nullable: true })) } } };

const bytesIn = (place: string): number => readdirSync(place, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => sum + (statSync(path.join(place, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512, 0);
const memoryNow = (word: 'VmRSS' | 'VmHWM'): number => Number(new RegExp(`${word}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;

/** What the process takes more than before, at its highest as the kernel saw it, and what lies in DuckDB's folder for it. */
async function measured(work: () => Promise<void>): Promise<{ readonly memory: number; readonly disk: number }> {
  const before = memoryNow('VmRSS');
  writeFileSync('/proc/self/clear_refs', '5');
  let disk = 0;
  const timer = setInterval(() => (disk = Math.max(disk, bytesIn(path.join(folder, 'temp')))), 500);
  await work().finally(() => clearInterval(timer));
  return { memory: memoryNow('VmHWM') - before, disk };
}

/** Steps over all rows into a file, as transform-stream does; the balance closes over what the file holds. */
const outOf = (yaml: string, to: string): Promise<void> => inside(engine, async (session) => {
  await session.run(`CREATE TEMP VIEW input AS SELECT id, customer, note, total, _millrace_position FROM read_parquet(${quoteLiteral(file)})`);
  await session.run(`CREATE TEMP VIEW customers AS SELECT customer, name FROM read_parquet(${quoteLiteral(other)})`);
  await createRejects(session, 'rejects');
  const result = await runChain({ session, relation: 'input', columns, steps: stepsOf(yaml), firstStep: 0, checks: [], references, rejects: 'rejects', positions: true });
  const out = await session.changed(`COPY (SELECT * FROM "${result.relation}") TO ${quoteLiteral(to)} (FORMAT parquet)`);
  expect(chainProblems((await result.finish()).close(out), rows, out)).toEqual([]);
});

/** One text over all rows of `sql`, whatever their order; a sixteenth of the keys at a time, so that it needs no disk. `FILE` stands for that part of a file. */
async function sumOf(sql: string, from: string, key: string): Promise<string> {
  const sums: string[] = [];
  await roomy(async (session) => {
    for (let part = 0; part < 16; part += 1) {
      const values = await session.row(sql.replace('FILE', `(SELECT * FROM read_parquet(${quoteLiteral(from)}) WHERE ${key} % 16 = ${part})`));
      sums.push(Object.values(values).join(' '));
    }
  });
  return sums.join('\n');
}

interface Case {
  readonly yaml: string;
  readonly key: string;
  /** Over what the step wrote. */
  readonly got: string;
  /** The same over the input, in words that share nothing with the step's. */
  readonly expected: string;
}

const fingerprint = (values: string): string => `count(*) AS n, sum(hash(${values})) AS s`;
const cases: Record<string, Case> = {
  deduplicate: {
    yaml: '- deduplicate: { keys: [id], order_by: total desc }', key: 'id',
    got: `SELECT ${fingerprint('id, customer, note, total')} FROM FILE`,
    // The first of the highest: the note tells which row it is.
    expected: `SELECT ${fingerprint('id, m.customer, m.note, m.total')} FROM (SELECT id, max({ total: total, first: -_millrace_position, customer: customer, note: note }) AS m FROM FILE GROUP BY id)`,
  },
  aggregate: {
    yaml: '- aggregate: { by: [customer], measures: { n: "count(*)", total: "sum(total)", notes: "max(note)" } }', key: 'customer',
    got: `SELECT ${fingerprint('customer, n, total::DECIMAL(38,2), notes')} FROM FILE`,
    expected: `SELECT ${fingerprint('customer, len(l), list_sum(list_transform(l, x -> x.total))::DECIMAL(38,2), list_sort(list_transform(l, x -> x.note))[-1]')} FROM (SELECT customer, list({ total: total, note: note }) AS l FROM FILE GROUP BY customer)`,
  },
  join: {
    yaml: '- join: { file: customers.parquet, on: [customer], columns: [name] }', key: 'customer',
    got: `SELECT ${fingerprint('id, customer, note, total, name')} FROM FILE`,
    expected: `SELECT ${fingerprint("id, customer, note, total, md5('c' || customer)")} FROM FILE`,
  },
  lookup: {
    yaml: '- lookup: { file: customers.parquet, on: [customer], columns: [name], order_by: name desc }', key: 'customer',
    got: `SELECT ${fingerprint('id, customer, note, total, name')} FROM FILE`,
    expected: `SELECT ${fingerprint("id, customer, note, total, md5('c' || customer)")} FROM FILE`,
  },
  window: {
    yaml: '- window: { partition_by: [customer], order_by: total, columns: { so_far: "sum(total)", place: "row_number()" } }', key: 'customer',
    got: `SELECT ${fingerprint('id, customer, note, total, so_far::DECIMAL(38,2), place')} FROM FILE`,
    expected: `SELECT ${fingerprint('x.id, customer, x.note, x.total, list_sum(list_transform(l[1:i], y -> y.total))::DECIMAL(38,2), i')} FROM (SELECT customer, l, unnest(l) AS x, generate_subscripts(l, 1) AS i FROM (SELECT customer, list_sort(list({ total: total, first: _millrace_position, id: id, note: note })) AS l FROM FILE GROUP BY customer))`,
  },
};

test.each(Object.entries(cases))('%s finishes within its memory, and what it writes is right', async (step, { yaml, key, got, expected }) => {
  const [started, to] = [Date.now(), path.join(folder, `${step}.parquet`)];
  const { memory, disk } = await measured(() => outOf(yaml, to));
  process.stdout.write(`${step}: ${rows} rows in ${Math.round((Date.now() - started) / 1000)} s under ${memoryLimit}: ${Math.round(memory / 1e6)} MB of memory, ${Math.round(disk / 1e6)} MB of disk, result ${Math.round(statSync(to).size / 1e6)} MB\n`);
  // DuckDB keeps its own account within the limit; beside it stand what it gives back late, the writer's buffers and one part of an aggregate's texts. None grows with the rows.
  expect(memory).toBeLessThan(sizeOf(memoryLimit)! * 1.25 + 750e6);
  expect(await sumOf(got, to, key)).toBe(await sumOf(expected, file, key));
  rmSync(to);
});
