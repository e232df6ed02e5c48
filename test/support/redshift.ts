import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createDatabase, type TestDatabase } from './postgres';
import { ensureBucket, s3Server } from './s3';

const credentials = { accessKeyId: 'simulator', secretAccessKey: 'simulator-secret' };

/** A warehouse that tests may write to: the simulator, or a real workgroup where the variables MILLRACE_TEST_REDSHIFT_* name one. */
export interface TestWarehouse {
  /** Entry for connections.yaml, without its name. */
  readonly connection: string;
  readonly url: string;
  /** Rows of the simulator's Postgres: what is in the tables, without the Data API. */
  readonly database: TestDatabase;
  readonly bucket: string;
  /** What goes wrong next; see simulators/redshift-data/faults.mjs. */
  fault(fault: { readonly kind: string; readonly operation?: string; readonly name?: string; readonly at?: number; readonly times?: number }): Promise<void>;
  release(): Promise<void>;
  expire(): Promise<void>;
  statements(): Promise<readonly { readonly id: string; readonly name?: string; readonly status: string; readonly error: string | null; readonly sqls: readonly string[] }[]>;
  close(): Promise<void>;
}

export async function startWarehouse(options: object = {}): Promise<TestWarehouse> {
  const database = await createDatabase();
  const bucket = `redshift-${randomBytes(5).toString('hex')}`;
  await ensureBucket(bucket);
  const s3 = s3Server();
  const simulator = spawn(process.execPath, [path.resolve(__dirname, '../../simulators/redshift-data/server.mjs'), JSON.stringify({ postgres: database.url, s3, ...credentials, ...options })], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_NO_WARNINGS: '1' } });
  const [said] = await once(simulator.stdout, 'data') as [Buffer];
  const { url } = JSON.parse(String(said)) as { url: string };
  const ask = async (what: string, body: object = {}): Promise<unknown> => {
    const reply = await fetch(`${url}/_simulator/${what}`, { method: 'POST', body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(await reply.text());
    return reply.json();
  };
  return {
    database, bucket, url,
    connection: `{ connector: redshift, workgroup: simulator, database: dev, endpoint: "${url}", access_key_id: ${credentials.accessKeyId}, secret_access_key: ${credentials.secretAccessKey}, staging: { bucket: ${bucket}, prefix: copy, endpoint: "${s3.endpoint}", access_key_id: "${s3.accessKeyId}", secret_access_key: "${s3.secretAccessKey}" } }`,
    fault: async (fault) => { await ask('fault', fault); },
    release: async () => { await ask('release'); },
    expire: async () => { await ask('expire'); },
    statements: async () => await ask('statements') as Awaited<ReturnType<TestWarehouse['statements']>>,
    async close() {
      const gone = once(simulator, 'exit');
      simulator.kill();
      await gone;
      await database.drop();
    },
  };
}
