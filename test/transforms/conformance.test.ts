import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { checkReference, checks, checkSpecSchema } from '../../src/checks/registry';
import { runStreamChecks } from '../../src/checks/row-checks';
import { chainProblems } from '../../src/domain/balance';
import type { Column } from '../../src/domain/column';
import type { JsonObject } from '../../src/domain/json';
import type { NamedOptions } from '../../src/domain/pipeline';
import { openEngine, type Engine, type Session } from '../../src/transforms/duckdb-engine';
import { putLookups, type AnswerLine, type Lookups } from '../../src/transforms/lookups';
import { stepNamed, steps, stepSpecSchema } from '../../src/transforms/registry';
import { createRejects, describeChain, quotedReferences, runChain, type ChainCounts, type ChainResult, type References } from '../../src/transforms/run-chain';
import { putBaseFolder, putSecrets } from '../../src/transforms/secrets';
import { rejectsWithRecords } from '../support/chain';

/** Every step and check of the registries, on rows with NULL, empty, duplicate and hard values: the balance closes, nothing is lost. */
let engine: Engine;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-steps-'));
  engine = await openEngine({ memoryLimit: '500MB', tempFolder: folder, tempLimit: '1GB', slots: 2, threads: 2 });
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const columns: readonly Column[] = [
  ...['id', 'cust_no'].map((name) => ({ name, type: 'BIGINT', nullable: true })),
  ...['note', 'country', 'phone', 'status', 'close_date', 'region', 'origin', 'name', 'code', 'email', 'amount', 'payload'].map((name) => ({ name, type: 'VARCHAR', nullable: true })),
  ...['total', 'tax'].map((name) => ({ name, type: 'DECIMAL(12,3)', nullable: true })),
  { name: 'updated_at', type: 'TIMESTAMP', nullable: true },
  { name: 'tags', type: 'VARCHAR[]', nullable: true },
  { name: 'address', type: 'STRUCT(street VARCHAR, place STRUCT(city VARCHAR, zip INTEGER))', nullable: true },
];
/** The same rows from the same seed; a third of the values are NULL, empty, doubled or hard. */
const rowsSql = (rows: number): string => {
  const hard = `['a', 'A', '', ' x ', 'closed', NULL, '2026-02-30', '2026-02-28', 'ünï 😀', '\\N', 'a''b"c', repeat('z', 300), 'NaN', '12']`;
  const text = (salt: number) => `(${hard})[1 + (hash(n, ${salt}) % 14)::INT]`;
  return `SELECT CASE WHEN n % 9 = 0 THEN NULL ELSE n % 40 END AS id, n AS cust_no, ${['note', 'country', 'phone', 'status', 'close_date', 'region', 'origin', 'name', 'code', 'email', 'amount', 'payload'].map((name, salt) => `${text(salt)} AS ${name}`).join(', ')}, ` +
    `CASE hash(n, 91) % 5 WHEN 0 THEN NULL WHEN 1 THEN -0.001 WHEN 2 THEN 999999999.999 ELSE n * 1.117 END::DECIMAL(12,3) AS total, CASE WHEN n % 4 = 0 THEN NULL ELSE n END::DECIMAL(12,3) AS tax, ` +
    `CASE WHEN n % 6 = 0 THEN NULL ELSE TIMESTAMP '2026-01-01' + n * INTERVAL 1 HOUR END AS updated_at, ` +
    `CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN []::VARCHAR[] ELSE ['a', NULL, 'b'][1:(n % 5)] END AS tags, CASE WHEN n % 3 > 0 THEN {'street': 'x', 'place': {'city': NULL::VARCHAR, 'zip': n::INTEGER}} END AS address, n AS _millrace_position FROM range(${rows}) r(n)`;
};

const optionsOf = (example: string, schema: { parse(value: unknown): unknown }): JsonObject => {
  const [options] = Object.values(parse(example) as Record<string, unknown>);
  return schema.parse(options) as JsonObject;
};

/** An API that knows some, refuses some, and has a score that is none; the same of the same addresses, in whatever order they come. */
const answering = (session: Session): Lookups => ({
  kept: async () => [],
  async ask(_asking, addresses) {
    const file = path.join(session.scratch(), 'answers.jsonl');
    const lines = readFileSync(addresses, 'utf8').split('\n').filter((line) => line !== '').sort().map((line, index): AnswerLine => {
      const state = (['found', 'found', 'missing', 'refused'] as const)[index % 4]!;
      return { a: (JSON.parse(line) as { readonly a: string }).a, s: state, m: state === 'found' ? ['gold', index % 3 === 0 ? 'many' : '7'] : [], e: state === 'refused' ? 'the server answered 422' : null, t: index };
    });
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return [file];
  },
});

async function chain(session: Session, given: readonly NamedOptions[], rows: number, judged: readonly NamedOptions[] = [], readOnce = false): Promise<ChainResult & ChainCounts & { readonly out: number; readonly rejected: number; readonly references: References }> {
  await session.run(`CREATE TEMP TABLE input AS ${rowsSql(rows)}`);
  await session.run(`CREATE TEMP TABLE airports AS SELECT * FROM (VALUES ('a', 'Aa', 'S1'), ('a', 'Ab', 'S2'), ('12', 'B', NULL)) v(iata, city, state)`);
  await createRejects(session, 'rejects');
  await putSecrets(session, new Map([['${env:MASK_KEY}', 'a key of some length'], ['${env:ENCRYPTION_KEY}', 'another key of some length']]));
  await putBaseFolder(session, path.resolve(__dirname, '../support'));
  putLookups(session, answering(session));
  const airports = { other: { relation: 'airports', columns: ['iata', 'city', 'state'].map((name) => ({ name, type: 'VARCHAR', nullable: true })) } };
  const references = Object.fromEntries([...given.map((step, ordinal) => [ordinal, 'other' in stepNamed(step.name).references(step.options) ? airports : {}] as const), ...judged.map((_, index) => [checkReference(index), airports] as const)]);
  const described = await describeChain(session, columns, given, references);
  const result = await runChain({ session, relation: 'input', columns, steps: given, firstStep: 0, checks: judged, references, rejects: 'rejects', positions: true, readOnce });
  expect(described).toEqual(result.columns);
  const count = async (relation: string) => Number((await session.row(`SELECT count(*) AS n FROM "${relation}"`))['n']);
  const out = await session.changed(`CREATE TEMP TABLE outcome AS SELECT * FROM "${result.relation}"`) || await count('outcome');
  return { ...result, ...(await result.finish()), references, out, rejected: await count('rejects') };
}

describe.each(steps.map((step) => [step.name, step] as const))('step %s', (name, step) => {
  const spec = (more: JsonObject = {}): NamedOptions => ({ name, options: { ...optionsOf(step.example, stepSpecSchema(name)), ...more } });

  test.each([0, 1, 400])('closes its balance over %i rows', (rows) => engine.session(new AbortController().signal, async (session) => {
    const result = await chain(session, [spec()], rows);
    const lines = result.close(result.out);
    expect(chainProblems(lines, rows, result.out)).toEqual([]);
    expect(lines.reduce((sum, line) => sum + line.rejected, 0)).toBe(result.rejected);
  }));

  test('counts rows that are read once as it counts them in a table', async () => {
    const counted = (readOnce: boolean) => engine.session(new AbortController().signal, async (session) => {
      const { close, out } = await chain(session, [spec()], 400, [], readOnce);
      return { lines: close(out), rows: await session.rows('SELECT _millrace_position FROM outcome ORDER BY 1'), rejects: await session.rows(rejectsWithRecords('rejects', 'input', columns.map((column) => column.name))) };
    });
    expect(await counted(true)).toEqual(await counted(false));
  });

  if (step.takesOnError) {
    test('rejects nothing with on_error: null, and everything that reject sets aside', () => engine.session(new AbortController().signal, async (session) => {
      const rejecting = await chain(session, [spec({ on_error: 'reject' })], 400);
      expect(await engine.session(new AbortController().signal, async (other) => (await chain(other, [spec({ on_error: 'null' })], 400)).rejected)).toBe(0);
      const rejects = await session.rows('SELECT reasons FROM rejects');
      expect(rejects).toHaveLength(rejecting.rejected);
      for (const { reasons } of rejects) expect(JSON.parse(reasons!)).toEqual(expect.arrayContaining([{ column: expect.any(String) as string, reason: expect.any(String) as string }]));
    }));
  }
});

describe.each(checks.map((check) => [check.name, check] as const))('check %s', (name, check) => {
  const spec = (onFail: string): NamedOptions => ({ name, options: { ...optionsOf(check.example.replace('[active, closed]', '[A, closed]'), checkSpecSchema(name)), on_fail: onFail } });

  test.each([false, true])('sets aside as many rows as it counts; read once: %s', (readOnce) => engine.session(new AbortController().signal, async (session) => {
    const counted = await chain(session, [], 400, [spec('warn')], readOnce);
    const overAll = await runStreamChecks(session, 'outcome', columns, [spec('warn')], { references: quotedReferences(counted.references) });
    const failing = counted.failing[0] ?? overAll[0]?.failingRows;
    expect(failing).toEqual(expect.any(Number));
    if (!check.setsAside) return;
    const aside = await engine.session(new AbortController().signal, async (other) => chain(other, [], 400, [spec('quarantine')], readOnce));
    expect(aside.rejected).toBe(failing);
    expect(aside.failing).toEqual({ 0: failing });
    expect(chainProblems(aside.close(aside.out), 400, aside.out)).toEqual([]);
  }));
});

test('a whole chain closes from the first row to the last, step by step', () => engine.session(new AbortController().signal, async (session) => {
  const given: readonly NamedOptions[] = [
    { name: 'trim', options: { columns: '*', empty_to_null: true } }, { name: 'parse_timestamp', options: { column: 'close_date', format: '%Y-%m-%d', as: 'date' } },
    { name: 'filter', options: { where: 'total > 0' } }, { name: 'deduplicate', options: { keys: ['id'] } }, { name: 'aggregate', options: { by: ['region'], measures: { n: 'count(*)' } } },
  ];
  const result = await chain(session, given, 500);
  const lines = result.close(result.out);
  expect(lines.map(({ step }) => step)).toEqual(['1 trim', '2 parse_timestamp', '3 filter', '4 deduplicate', '5 aggregate']);
  expect(chainProblems(lines, 500, result.out)).toEqual([]);
  for (const term of ['rejected', 'filtered', 'deduplicated', 'aggregated'] as const) expect(lines.some((line) => line[term] > 0)).toBe(true);
}));

test('two rules that say the same of a row give one reason', () => engine.session(new AbortController().signal, async (session) => {
  const rule = (columns: readonly string[]): NamedOptions => ({ name: 'not_null', options: { columns, on_fail: 'quarantine' } });
  await chain(session, [{ name: 'add', options: { columns: { nothing: 'CAST(NULL AS VARCHAR)' } } }], 3, [rule(['nothing']), rule(['nothing'])]);
  expect((await session.rows('SELECT reasons FROM rejects')).map(({ reasons }) => JSON.parse(reasons!) as unknown[])).toEqual([[expect.anything()], [expect.anything()], [expect.anything()]]);
}));

test.each([false, true])('of rules that say the same of different rows each tells how many it set aside, also of rows that a step made (read once: %s)', async (readOnce) => {
  const rule = (where: string): NamedOptions => ({ name: 'range', options: { column: 'cust_no', min: 1000, where, on_fail: 'quarantine' } });
  const made: NamedOptions = { name: 'aggregate', options: { by: ['cust_no'], measures: { n: 'count(*)' } } };
  for (const given of [[], [made]]) {
    const { failing } = await engine.session(new AbortController().signal, (session) => chain(session, given, 10, [rule('cust_no < 3'), rule('cust_no < 5'), rule('cust_no > 99')], readOnce));
    expect(failing).toEqual({ 0: 3, 1: 5, 2: 0 });
  }
});

test.each([
  ['add', { columns: { x: "(SELECT count(*) FROM read_csv('/etc/passwd'))" } }, 'table functions'],
  ['filter', { where: 'EXISTS (SELECT 1 FROM information_schema.tables)' }, 'it reads "tables"'],
  ['sql', { query: 'SELECT * FROM input; DROP TABLE input' }, 'step "sql"'],
  ['sql', { query: "COPY input TO '/tmp/x'" }, 'step "sql"'],
  ['drop', { columns: ['totl'] }, 'did you mean "total"'],
  ['add', { columns: { x: 'no_such_column + 1' } }, 'step 1 "add"'],
])('%s refuses %j', (name, options, message) => engine.session(new AbortController().signal, async (session) => {
  await expect(describeChain(session, columns, [{ name, options }], {})).rejects.toThrow(message);
}));

test('cast sets aside what would be rounded or overflow, and keeps what fits', () => engine.session(new AbortController().signal, async (session) => {
  await session.run(`CREATE TEMP TABLE input AS SELECT v, position AS _millrace_position FROM (VALUES ('1.50', 0), ('1.239', 1), ('9223372036854775808', 2), ('x', 3), (NULL, 4), (' 7 ', 5)) t(v, position)`);
  await createRejects(session, 'rejects');
  const result = await runChain({ session, relation: 'input', columns: [{ name: 'v', type: 'VARCHAR', nullable: true }], steps: [{ name: 'cast', options: { columns: { v: 'DECIMAL(10,2)' } } }], firstStep: 0, checks: [], references: {}, rejects: 'rejects', positions: true });
  expect(await session.rows(`SELECT v FROM "${result.relation}" ORDER BY _millrace_position`)).toEqual([{ v: '1.50' }, { v: null }, { v: '7.00' }]);
  expect(await session.rows('SELECT position FROM rejects ORDER BY 1')).toEqual([{ position: '1' }, { position: '2' }, { position: '3' }]);
}));
