import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GlueClient, GetTableCommand, paginateGetPartitions, type Table } from '@aws-sdk/client-glue';
import { openObjectStore } from '../../src/stores/object-store';
import { fileList, openEngine } from '../../src/transforms/duckdb-engine';
import type { ObjectStoreSettings } from '../../src/stores/object-store';
import { s3Server } from './s3';

/** The simulator of the catalog, in a process of its own, with the keys of the S3 server. */
export interface Catalog {
  readonly url: string;
  readonly client: GlueClient;
  fault(fault: { readonly operation: string; readonly kind: 'throttle' | 'denied' | 'lost' }): Promise<void>;
  /** Operations since it was asked last. */
  asked(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function startCatalog(): Promise<Catalog> {
  const { accessKeyId, secretAccessKey } = s3Server();
  const child = spawn(process.execPath, [path.resolve(__dirname, '../../simulators/glue/server.mjs'), JSON.stringify({ accessKeyId, secretAccessKey })], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data') as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  const client = new GlueClient({ endpoint: url, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } });
  const post = async (what: string, body: unknown = {}): Promise<unknown> => (await fetch(`${url}/_simulator/${what}`, { method: 'POST', body: JSON.stringify(body) })).json();
  return {
    url, client,
    fault: async (fault) => { await post('fault', fault); },
    asked: async () => await post('asked') as readonly string[],
    async close() {
      client.destroy();
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}

export interface Read {
  readonly table: Table;
  readonly partitions: readonly string[];
  /** Data files, as the lists at the locations say. */
  readonly files: readonly string[];
  /** Of `sql` over the rows; `t` is the table, partition keys among its columns. */
  rows(sql: string): Promise<readonly Readonly<Record<string, string | null>>[]>;
}

/** The table as a reader of the catalog finds it: locations → lists → data files, columns by the catalog's names, partition keys from the partitions. */
export async function readCatalog({ client }: Catalog, settings: ObjectStoreSettings, database: string, name: string): Promise<Read> {
  const table = (await client.send(new GetTableCommand({ DatabaseName: database, Name: name }))).Table!;
  const parts: { values: readonly string[]; location: string }[] = [];
  if ((table.PartitionKeys ?? []).length === 0) parts.push({ values: [], location: table.StorageDescriptor!.Location! });
  else for await (const page of paginateGetPartitions({ client }, { DatabaseName: database, TableName: name })) parts.push(...(page.Partitions ?? []).map(({ Values, StorageDescriptor }) => ({ values: Values!, location: StorageDescriptor!.Location! })));
  const store = openObjectStore({ ...settings, prefix: '' }, 'source');
  const keyOf = (uri: string): string => uri.replace(`s3://${settings.bucket}/`, '');
  const found: { uri: string; values: readonly string[] }[] = [];
  for (const { values, location } of parts) {
    for await (const { key } of store.list(keyOf(location))) {
      if (!key.endsWith('/')) found.push(...(await store.readText(key))!.text.split('\n').filter(Boolean).map((uri) => ({ uri, values })));
    }
  }
  return {
    table, partitions: parts.map(({ values }) => values.join('/')).sort(), files: found.map(({ uri }) => uri),
    async rows(sql) {
      const folder = mkdtempSync(path.join(tmpdir(), 'millrace-athena-'));
      const engine = await openEngine({ memoryLimit: '500MB', tempFolder: path.join(folder, 'temp'), tempLimit: '1GB', slots: 1, threads: 1 });
      try {
        const selects: string[] = [];
        for (const [index, { uri, values }] of found.entries()) {
          const local = path.join(folder, `${index}.parquet`);
          await store.download(keyOf(uri), local, { signal: new AbortController().signal });
          const keys = (table.PartitionKeys ?? []).map(({ Name }, at) => `'${values[at]}' AS "${Name}"`);
          selects.push(`SELECT * EXCLUDE (${keys.length > 0 ? (table.PartitionKeys ?? []).map(({ Name }) => `"${Name}"`).join(', ') : 'filename'})${keys.map((key) => `, ${key}`).join('')} FROM read_parquet(${fileList([local])}, hive_partitioning = false${keys.length > 0 ? '' : ', filename = true'})`);
        }
        const columns = [...table.StorageDescriptor!.Columns!, ...table.PartitionKeys ?? []].map(({ Name }) => `"${Name}"`).join(', ');
        return await engine.session(new AbortController().signal, (session) => session.rows(`WITH t AS (SELECT ${columns} FROM (${selects.join(' UNION ALL BY NAME ')})) ${sql}`));
      } finally {
        await engine.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
