import { randomBytes } from 'node:crypto';
import type { TestDatabase } from './postgres';
import { ensureBucket, s3Server } from './s3';
import type { Installation } from './worker';

/** 3,000 orders with NULLs and empty texts, in three partitions. */
export async function createOrders(database: TestDatabase): Promise<void> {
  await database.run('CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2) NOT NULL, note text, at timestamptz NOT NULL)');
  await database.run(`INSERT INTO orders SELECT n, n * 1.01, CASE WHEN n % 7 = 0 THEN NULL WHEN n % 11 = 0 THEN '' ELSE 'note ' || n END, timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, 3000) n`);
  await database.run('ANALYZE orders');
  await ensureBucket(bucket);
}

export const pipelineOf = (name: string, destination: string, words: string): string =>
  `pipeline: ${name}\nsource: shop\ndestination: ${destination}\nstreams:\n  - stream: orders\n    to: ${name}\n    partition: { rows: 1000 }\n    ${words}\n`;

/** All destinations of one test file lie under one prefix of a bucket. */
const bucket = 'millrace-test';
const prefix = randomBytes(6).toString('hex');
const bucketConnection = (): string => {
  const { endpoint, accessKeyId, secretAccessKey } = s3Server();
  return `{ connector: s3, bucket: ${bucket}, prefix: "${prefix}", endpoint: "${endpoint}", access_key_id: ${accessKeyId}, secret_access_key: ${secretAccessKey} }`;
};

/** Source and destination are two databases: an incremental read waits for the open transactions of its own. */
export const connections = (source: TestDatabase, database: TestDatabase): string => `shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${database.url}" }\nduck: { connector: duckdb, path: out.duckdb }\nlake: { connector: files, path: lake }\nbucket: ${bucketConnection()}\n`;
export const sums = (table: string): string => `SELECT count(*)::text AS n, sum(id)::text AS ids, sum(total)::text AS total, count(note)::text AS notes, count(*) FILTER (WHERE note = '')::text AS empty FROM ${table}`;

export const cases: readonly (readonly [name: string, destination: string, words: string])[] = [
  ['append', 'db', 'mode: incremental\n    cursor: at\n    write: append\n    visible: run'],
  ['append_batch', 'db', 'mode: incremental\n    cursor: at\n    write: append\n    visible: batch'],
  ['replace', 'db', 'mode: full\n    write: replace'],
  ['replace_staged', 'db', 'mode: full\n    write: replace\n    steps: [{ filter: { where: "id > 0" } }]'],
  ['merge', 'db', 'mode: incremental\n    cursor: at\n    write: merge\n    key: [id]'],
  ['delete_insert', 'db', 'mode: incremental\n    cursor: at\n    write: delete_insert\n    by: window'],
  ['scd2', 'db', 'mode: incremental\n    cursor: at\n    write: scd2\n    key: [id]'],
  ['scd2_duck', 'duck', 'mode: full\n    cursor: at\n    write: scd2\n    key: [id]'],
  ['duck', 'duck', 'mode: incremental\n    cursor: at\n    write: merge\n    key: [id]'],
  ['lake', 'lake', 'mode: full\n    write: replace'],
  ['bucket', 'bucket', 'mode: full\n    write: replace'],
];

export const wordsOf = (wanted: string): string => cases.find(([name]) => name === wanted)![2];

/** Everything that is written, each with the words of its stream; the suites run some of them in `npm test`, all in `npm run test:chaos`. */
export const everything = process.env['MILLRACE_CHAOS'] === 'all';

/** A pipeline that brings the rows of another destination back into Postgres as `back_<table>`, where they can be compared; null: they are there. */
export function backOf(destination: string, table: string): string | null {
  const pipeline = (source: string, stream: string, words: string) => `pipeline: back_${table}\nsource: ${source}\ndestination: db\nstreams:\n  - stream: ${stream}\n    to: back_${table}\n    mode: full\n    write: replace\n${words}`;
  if (destination === 'duck') return pipeline('duck', table, '');
  if (destination === 'lake' || destination === 'bucket') return pipeline(destination, `"${table}/run=*/*.parquet"`, '    naming: keep\n    steps: [{ select: { columns: [id, total, note, at] } }]\n');
  return null;
}

/** The target holds the rows of the source, each once, and the ledger says of nothing that it is still open. A worker must run. */
export async function expectExact(place: Installation, source: TestDatabase, database: TestDatabase, table: string, destination: string, rows = 3000): Promise<void> {
  const back = backOf(destination, table);
  if (back) expect((await place.run(back)).totals).toMatchObject({ read: rows, loaded: rows });
  expect(await database.row(sums(back ? `back_${table}` : table))).toEqual(await source.row(sums('orders')));
  if (back) return;
  expect(await database.row(`SELECT count(*) FILTER (WHERE state = 'committed')::text AS open FROM _millrace_loads WHERE pipeline = $1`, [table])).toEqual({ open: '0' });
}
