import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { StreamCompacted } from '../../src/activities/compact-contract';
import { parsePipeline } from '../../src/config/load-pipeline';
import { openObjectStore, type ObjectStore, type ObjectStoreSettings } from '../../src/stores/object-store';
import { createDatabase, type TestDatabase } from './postgres';
import { createBucket } from './s3';
import { install, type Installation } from './worker';

const append = 'mode: incremental, cursor: at, write: append, settle: 30 seconds';

/** A shop's tables, a folder and a bucket to write them to, and a database to read them back into. */
export interface Lake {
  readonly place: Installation;
  readonly connections: string;
  readonly source: TestDatabase;
  readonly objects: ObjectStore;
  readonly settings: ObjectStoreSettings;
  /** 300 rows more of a table of its own, in two months. */
  grow(table: string): Promise<void>;
  yaml(destination: string, table: string, words?: string): string;
  compact(text: string, more?: { readonly dryRun?: boolean; readonly where?: Installation }): Promise<readonly StreamCompacted[]>;
  /** Data files of a table, as a reader of its folder meets them. */
  filesOf(destination: string, table: string): Promise<readonly string[]>;
  /** What lies there is what was read, and every run proves it. */
  expectExact(destination: string, table: string): Promise<void>;
  close(): Promise<void>;
}

/** @param words more of the bucket's connection */
export async function createLake(words = ''): Promise<Lake> {
  const source: TestDatabase = await createDatabase();
  const database: TestDatabase = await createDatabase();
  const settings = await createBucket({ prefix: 'lake' });
  const objects: ObjectStore = openObjectStore(settings, 'destination');
  const { bucket, endpoint, access_key_id: key, secret_access_key: secret } = settings;
  const connections = `shop: { connector: postgres, url: "${source.url}" }\ndb: { connector: postgres, url: "${database.url}" }\nfolder: { connector: files, path: lake }\n` +
    `bucket: { connector: s3, bucket: ${bucket}, prefix: lake, endpoint: "${endpoint}", access_key_id: ${key}, secret_access_key: ${secret}${words} }\n`;
  const place = await install(connections);
  mkdirSync(path.join(place.home, 'lake'));

  const sums = (of: string): string => `SELECT count(*)::text AS n, sum(id)::text AS ids, sum(amount)::text AS amount, count(amount)::text AS amounts, max(at)::text AS last FROM ${of}`;
  return {
    place, connections, source, objects, settings,
    async grow(table) {
      await source.run(`CREATE TABLE IF NOT EXISTS ${table} (id bigint PRIMARY KEY, month text NOT NULL, amount numeric(12,2), at timestamptz NOT NULL)`);
      await source.run(`INSERT INTO ${table} SELECT m.last + n, CASE WHEN n % 2 = 0 THEN '2026-01' ELSE '2026-02' END, nullif(n % 7, 0) * 1.01, timestamptz '2026-01-01' + (m.last + n) * interval '1 minute' FROM (SELECT coalesce(max(id), 0) AS last FROM ${table}) m, generate_series(1, 300) n`);
    },
    yaml: (destination, table, words = append) =>
      `pipeline: ${table}\nsource: shop\ndestination: ${destination}\non_failure: fail\nstreams:\n  - { stream: ${table}, to: ${table}, partition: { rows: 100 }, target: { partition_by: [month] }, ${words} }\n`,
    compact(text, { dryRun = false, where = place } = {}) {
      const spec = parsePipeline(text, 'test.yaml');
      return where.client.workflow.execute('compactPipeline', {
        taskQueue: where.taskQueue, workflowId: `compact/${Math.random().toString(36).slice(2)}`,
        args: [{ spec, connectionsFile: where.connectionsFile, streams: [spec.streams[0]!.stream], fileSize: null, dryRun }],
      }) as Promise<readonly StreamCompacted[]>;
    },
    async filesOf(destination, table) {
      const found: string[] = [];
      if (destination === 'bucket') for await (const { key: name } of objects.list(`${table}/`)) found.push(name.slice(table.length + 1));
      else for (const entry of readdirSync(path.join(place.home, 'lake', table), { recursive: true, withFileTypes: true })) if (entry.isFile()) found.push(path.relative(path.join(place.home, 'lake', table), path.join(entry.parentPath, entry.name)));
      return found.filter((file) => !file.startsWith('_millrace') && !file.endsWith('/')).sort();
    },
    async expectExact(destination, table) {
      expect(await place.verify(table)).toMatchObject({ ok: true });
      const back = `pipeline: back_${table}\nsource: ${destination}\ndestination: db\non_failure: fail\nstreams:\n  - { stream: "${table}/*/*.parquet", to: back_${table}, mode: full, write: replace, naming: keep, steps: [{ select: { columns: [id, month, amount, at] } }] }\n`;
      expect((await place.run(back)).streams[0]!.error).toBeNull();
      expect(await database.row(sums(`back_${table}`))).toEqual(await source.row(sums(table)));
    },
    async close() {
      await place.close();
      objects.close();
      await source.drop();
      await database.drop();
    },
  };
}
