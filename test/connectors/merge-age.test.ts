import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Destination } from '../../src/connectors/connector';
import { connectorNamed } from '../../src/connectors/registry';
import { parsePipeline } from '../../src/config/load-pipeline';
import type { Batch } from '../../src/domain/batch';
import type { Column } from '../../src/domain/column';
import { runPath } from '../../src/domain/ids';
import type { Plan } from '../../src/domain/plan';
import type { PublishReceipt } from '../../src/domain/receipt';
import { openEngine, type Engine } from '../../src/transforms/duckdb-engine';
import { createDatabase, type TestDatabase } from '../support/postgres';

/** Which of two versions of a key a merge keeps where their order does not tell: that of the batch that read later; a replay counts as the batch that had rejected it (semantics 8). */
let database: TestDatabase;
let engine: Engine;
let home: string;
beforeAll(async () => {
  database = await createDatabase();
  home = mkdtempSync(path.join(tmpdir(), 'millrace-merge-'));
  engine = await openEngine({ memoryLimit: '300MB', tempFolder: path.join(home, 'temp'), tempLimit: '1GB', slots: 1, threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
  rmSync(home, { recursive: true, force: true });
});

const columns: readonly Column[] = [{ name: 'id', type: 'INTEGER', nullable: true }, { name: 'v', type: 'VARCHAR', nullable: true }, { name: 'at', type: 'DATE', nullable: true }];
const control = { signal: new AbortController().signal, progress: () => undefined, reached: () => undefined };
let runs = 0;

describe.each(['postgres', 'duckdb'])('into %s', (name) => {
  async function open(): Promise<Destination> {
    const connector = connectorNamed(name);
    return connector.openDestination!(connector.configSchema.parse(name === 'postgres' ? { url: database.url } : { path: 'merge.duckdb' }), { engine, baseFolder: home, connection: name });
  }

  /** A run with one batch, from claim to publish. `original`: it is a replay. */
  async function publish(table: string, words: string, values: string, original?: string): Promise<PublishReceipt & { readonly number: string }> {
    const stream = parsePipeline(`pipeline: p\nsource: s\ndestination: d\nstreams:\n  - { stream: ${table}, mode: full, write: merge, key: id, ${words} }\n`, 'test.yaml').streams[0]!;
    const day = runs += 1;
    const startedAt = new Date(Date.UTC(2026, 0, day)).toISOString();
    const target = { stream, run: { pipeline: 'p', workflowId: `p/${day}`, logicalDate: startedAt.replace('.000', ''), generation: 1, executionId: `${day}`, startedAt } };
    const destination = await open();
    try {
      const claim = await destination.claim(target, control);
      const plan: Plan = {
        stream: stream.stream, columns, names: columns.map((column) => column.name), target: columns, key: ['id'], window: null, partitions: [], position: { cursor: null }, files: [], reloads: [], notes: [],
        wholeStream: false, proof: null, passes: false, stagesLineage: false, firstLoad: false, fence: claim.fence, version: claim.version, hash: 'h', ...(stream.orderBy && { order: 'at' }),
      };
      await destination.prepare(target, plan, { dryRun: false, allowDestructive: false });
      const file = path.join(home, `${day}.parquet`);
      await engine.session(control.signal, (session) => session.run(`COPY (SELECT CAST(t.a AS INTEGER) AS id, CAST(t.b AS VARCHAR) AS v, CAST(t.c AS DATE) AS "at" FROM (VALUES ${values}) t(a, b, c)) TO '${file}' (FORMAT parquet)`));
      const rows = values.split('), (').length;
      const batch: Batch = { id: `${runPath(target.run)}/${table}/0000/00`, stream: table, format: 'parquet', files: [], columns, rows, bytes: 0, checksum: `${day}`, lines: [], quarantine: [], read: rows, failing: {}, proof: null, ...(original && { original }) };
      const { batchNumber } = await destination.load({ target, plan, batch, paths: [file] }, control);
      const quarantine = { create: async () => ({ key: `${day}`, path: path.join(home, `aside-${day}.parquet`) }), seal: async (key: string, count: number) => ({ key, bytes: 0, checksum: '', rows: count }) };
      return { ...(await destination.publish({ target, plan, batchIds: [batch.id], quarantine, keysAside: null }, control)), number: batchNumber };
    } finally {
      await destination.close();
    }
  }
  const valueOf = async (table: string, id: number) => {
    const sql = `SELECT v FROM ${table} WHERE id = ${id}`;
    const found = name === 'postgres' ? await database.rows(sql) : await engine.file(path.join(home, 'merge.duckdb'), { readOnly: true }, control.signal, (session) => session.rows(sql));
    return found[0]?.['v'];
  };

  test('equal order, other content: the batch that read later wins, and a replay does not overtake it', async () => {
    const table = `aged_${name}`;
    const first = await publish(table, 'cursor: at', "(1, 'first', '2026-01-01')");
    const second = await publish(table, 'cursor: at', "(1, 'second', '2026-01-01')");
    expect(await valueOf(table, 1)).toBe('second');
    expect(await publish(table, 'cursor: at', "(1, 'replayed', '2026-01-01'), (2, 'replayed', '2026-01-01')", first.number)).toMatchObject({ rows: 1, deduplicated: 1 });
    expect([await valueOf(table, 1), await valueOf(table, 2)]).toEqual(['second', 'replayed']);
    await publish(table, 'cursor: at', "(1, 'of the same batch', '2026-01-01')", second.number);
    expect(await valueOf(table, 1)).toBe('of the same batch');
    await publish(table, 'cursor: at', "(1, 'newer by its order', '2026-01-02')", first.number);
    expect(await valueOf(table, 1)).toBe('newer by its order');
  });

  test('without an order, a replayed key that a later batch wrote is set aside again; the others are merged', async () => {
    const table = `orderless_${name}`;
    const words = 'allow_empty: false';
    const first = await publish(table, words, "(1, 'first', NULL), (2, 'same', NULL)");
    await publish(table, words, "(1, 'later', NULL), (2, 'same', NULL)");
    const receipt = await publish(table, words, "(1, 'replayed', NULL), (2, 'same', NULL), (3, 'new', NULL)", first.number);
    expect(receipt).toMatchObject({ rows: 1, deduplicated: 1, rejected: 1, quarantine: [{ rows: 1 }] });
    const [aside] = await engine.session(control.signal, (session) => session.rows(`SELECT step, reasons, raw FROM read_parquet('${home}/aside-${runs}.parquet')`));
    expect(aside).toMatchObject({ step: 'publish', reasons: expect.stringContaining('written by a later batch') as string, raw: expect.stringContaining('replayed') as string });
    expect([await valueOf(table, 1), await valueOf(table, 3)]).toEqual(['later', 'new']);
  });
});
