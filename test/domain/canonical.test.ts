import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import { to as copyTo } from 'pg-copy-streams';
import { canonicalPart, canonicalText } from '../../src/domain/canonical';
import { figuresOf, figuresSql, type PlacedColumn, type ProofColumn } from '../../src/domain/fingerprint';
import { describeTable } from '../../src/connectors/postgres/catalog';
import { placed, proofOfTarget } from '../../src/connectors/postgres/proof';
import { copyCsv, printedRows } from '../../src/formats/copy-csv';
import { openEngine, type Engine, type Session } from '../../src/transforms/duckdb-engine';
import { figuresOfParquet, figuresOfPrinted, placedInDuckdb } from '../../src/transforms/proof';
import { quoteIdentifier, quoteLiteral } from '../../src/transforms/quote';
import { createHarderValues, createHardValues } from '../support/hard-values';
import { createDatabase, type TestDatabase } from '../support/postgres';

/** Same values, same canonical text, same fingerprint: in Postgres, in DuckDB's types, and as the text that COPY prints (semantics 10). */
let database: TestDatabase;
let engine: Engine;
const folder = mkdtempSync(path.join(tmpdir(), 'millrace canonical '));
beforeAll(async () => {
  database = await createDatabase();
  await createHardValues(database);
  await createHarderValues(database);
  engine = await openEngine({ memoryLimit: '500MB', tempFolder: path.join(folder, 'temp'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

const session = <Result>(work: (session: Session) => Promise<Result>) => engine.session(new AbortController().signal, work);

async function copied(table: string, print: (name: string, type: string) => string): Promise<{ readonly file: string; readonly columns: Awaited<ReturnType<typeof describeTable>>['columns'] }> {
  const { columns } = await describeTable(database, table, 'public');
  const file = path.join(folder, `${table}-${Math.random()}.csv`);
  await pipeline(database.client.query(copyTo(`COPY (SELECT ${columns.map(({ name, type }) => print(name, type)).join(', ')} FROM ${table} ORDER BY id) TO STDOUT (FORMAT csv, NULL '\\N')`)), createWriteStream(file));
  return { file, columns };
}
const asItIs = (name: string) => `"${name}"`;
const forTypes = (name: string, type: string) => (type === 'TIMESTAMP WITH TIME ZONE' ? `"${name}" AT TIME ZONE 'UTC' AS "${name}"` : `"${name}"`);

const partsIn = (columns: readonly PlacedColumn[], dialect: 'duckdb' | 'postgres') => columns.map((column) => `${canonicalPart(dialect, column.kind, column)} AS "${column.name}"`).join(', ');

async function postgresParts(table: string, proof: readonly ProofColumn[]): Promise<readonly Record<string, string | null>[]> {
  const { types } = await describeTable(database, table, 'public');
  return database.rows(`SELECT ${partsIn(placed(proof, new Map(Object.entries(types)), 't')!, 'postgres')} FROM ${table} t ORDER BY id`);
}

async function postgresFigures(table: string, proof: readonly ProofColumn[]) {
  const { types } = await describeTable(database, table, 'public');
  return figuresOf(await database.row(`SELECT ${figuresSql('postgres', placed(proof, new Map(Object.entries(types)), 't')!)} FROM ${table} t`), proof);
}

const tables = ['hard', 'harder'];

test.each(tables)('every column of the fixture is covered: %s', async (table) => {
  const { columns } = await describeTable(database, table, 'public');
  expect(await proofOfTarget(database, table, columns)).toMatchObject({ leftOut: [], columns: columns.map(({ name }) => expect.objectContaining({ name }) as unknown) });
});

test.each(tables)('every value is the same text in Postgres and as COPY prints it, and so are all figures: %s', async (table) => {
  const { file, columns } = await copied(table, asItIs);
  const proof = (await proofOfTarget(database, table, columns)).columns;
  const printed = placedInDuckdb(proof, columns, true);
  const there = await session((duck) => printedRows(duck, [file], columns, (from) => duck.rows(`SELECT ${partsIn(printed, 'duckdb')} FROM ${from} ORDER BY CAST(id AS INTEGER)`)));
  expect(there).toEqual(await postgresParts(table, proof));
  expect(await session((duck) => figuresOfPrinted(duck, [file], columns, proof))).toEqual(await postgresFigures(table, proof));
});

test.each(tables)('every value is the same text in Postgres and in DuckDB\'s types and Parquet, and so are all figures: %s', async (table) => {
  const { file, columns } = await copied(table, forTypes);
  const proof = (await proofOfTarget(database, table, columns)).columns;
  const parquet = path.join(folder, `${table}.parquet`);
  await session(async (duck) => {
    await copyCsv.read(duck, { fields: columns.length }, { path: file, columns, relation: table, ordinals: false, rejects: 'rejects' });
    await duck.run(`COPY (SELECT * FROM ${quoteIdentifier(table)}) TO ${quoteLiteral(parquet)} (FORMAT parquet)`);
    expect(await duck.rows(`SELECT ${partsIn(placedInDuckdb(proof, columns), 'duckdb')} FROM read_parquet(${quoteLiteral(parquet)}) ORDER BY id`)).toEqual(await postgresParts(table, proof));
    expect(await figuresOfParquet(duck, [parquet], columns, proof)).toEqual(await postgresFigures(table, proof));
  });
});

test('the way that is cheaper for many rows gives the same', async () => {
  const { file, columns } = await copied('hard', asItIs);
  const proof = (await proofOfTarget(database, 'hard', columns)).columns.slice(0, 12);
  const of = (rows: number) => session((duck) => figuresOfPrinted(duck, [file], columns, proof, rows));
  expect(await of(1_000_000)).toEqual(await of(0));
  expect(figuresSql('duckdb', placedInDuckdb(proof, columns, true), true)).toContain('md5_number');
});

test('values beyond the years 1 to 9999 keep their own text', async () => {
  await database.run(`CREATE TABLE far (id int, d date, ts timestamp, tstz timestamptz);
    INSERT INTO far VALUES (1, '0044-03-15 BC', '0044-03-15 01:02:03.5 BC', '0044-03-15 01:02:03 BC'), (2, '9999-12-31', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999Z'), (3, '10000-01-01', '10000-01-01', '10000-01-01Z'), (4, '0001-01-01', '0001-01-01', '0001-01-01Z')`);
  const { file, columns } = await copied('far', asItIs);
  const proof = (await proofOfTarget(database, 'far', columns)).columns;
  const figures = await postgresFigures('far', proof);
  expect(await session((duck) => figuresOfPrinted(duck, [file], columns, proof))).toEqual(figures);
  expect(figures.columns[1]).toMatchObject({ min: '0001-01-01', max: '9999-12-31' });
  const typed = await session((duck) => duck.row(`SELECT ${canonicalText('duckdb', 'timestamp', { sql: 'ts', type: 'TIMESTAMP' })} AS ts, ${canonicalText('duckdb', 'date', { sql: 'd', type: 'DATE' })} AS d FROM (SELECT TIMESTAMP '0044-03-15 (BC) 01:02:03.5' AS ts, DATE '0044-03-15 (BC)' AS d)`));
  expect(typed).toEqual({ ts: '0044-03-15 01:02:03.5 BC', d: '0044-03-15 BC' });
});

test('rows that differ have different texts: NULL, backslashes, separators, signs of zero, order of values', async () => {
  const differ = [['NULL', "'x'"], ["'\\N'", "'x'"], ["''", "'x'"], ["'a' || chr(31) || 'b'", "''"], ["'a'", "'b' || chr(31)"], ["'a\\u'", "'b'"], ["'\\a\\ub'", "''"], ["'\\\\N'", "'x'"], ["'x'", "'y'"], ["'y'", "'x'"], ["'x '", "'y'"], ["chr(233)", "'x'"], ["'e' || chr(769)", "'x'"]];
  const columns: readonly PlacedColumn[] = ['a', 'b'].map((name) => ({ name, kind: 'text', measure: 'none', sql: name, type: 'VARCHAR' }));
  const postgres = columns.map((column) => ({ ...column, type: 'text' }));
  const prints = new Set<string>();
  for (const [a, b] of differ) {
    const from = `(SELECT ${a} AS a, ${b} AS b)`;
    const duck = await session((one) => one.row(`SELECT ${figuresSql('duckdb', columns)} FROM ${from}`));
    expect(duck['fingerprint']).toBe((await database.row(`SELECT ${figuresSql('postgres', postgres)} FROM ${from.replaceAll('NULL', 'NULL::text')} t`))['fingerprint']);
    prints.add(duck['fingerprint']!);
  }
  expect(prints.size).toBe(differ.length);
});
