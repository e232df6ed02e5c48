import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { openRedshift, type Redshift } from '../../src/connectors/redshift/client';
import { configSchema } from '../../src/connectors/redshift/config';
import { removeBelow } from '../../src/connectors/redshift/staging-places';
import { createDatabase, type TestDatabase } from './postgres';
import { ensureBucket, s3Server } from './s3';

/** A warehouse that tests may write to. Rows are asked for by the Data API, so the same tests run on a real one. */
export interface Warehouse {
  /** Entry for connections.yaml, without its name. */
  readonly connection: string;
  readonly schema: string;
  readonly rows: Redshift['rows'];
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** The simulator, with what only it can do. */
export interface SimulatedWarehouse extends Warehouse {
  readonly url: string;
  readonly bucket: string;
  /** All that this warehouse has in the bucket; buckets are few in some S3 servers, so they share one. */
  readonly prefix: string;
  /** The simulator's Postgres. */
  readonly database: TestDatabase;
  /** What goes wrong next; see simulators/redshift-data/faults.mjs. */
  fault(fault: { readonly kind: string; readonly operation?: string; readonly name?: string; readonly text?: string; readonly at?: number; readonly times?: number }): Promise<void>;
  release(): Promise<void>;
  expire(): Promise<void>;
  /** Requests so far, by operation. */
  asked(): Promise<Readonly<Record<string, number | undefined>>>;
  statements(): Promise<readonly { readonly id: string; readonly name?: string; readonly status: string; readonly error: string | null; readonly sqls: readonly string[] }[]>;
}

const real = (name: string): string | undefined => process.env[`MILLRACE_TEST_REDSHIFT_${name}`];
export const isReal = real('WORKGROUP') !== undefined || real('CLUSTER') !== undefined;

/** A schema of its own in the warehouse that MILLRACE_TEST_REDSHIFT_* names (see scripts/test-redshift.mjs), else the simulator. */
export async function openWarehouse(): Promise<Warehouse> {
  if (!isReal) return startWarehouse();
  const schema = `millrace_test_${randomBytes(5).toString('hex')}`;
  const region = real('REGION');
  const place = real('WORKGROUP') ? { workgroup: real('WORKGROUP') } : { cluster: real('CLUSTER'), ...(real('DB_USER') && { db_user: real('DB_USER') }) };
  const config = { ...place, database: real('DATABASE') ?? 'dev', schema, ...(region && { region }), staging: { bucket: real('BUCKET'), prefix: schema, ...(region && { region }) }, iam_role: real('ROLE') ?? 'default' };
  const { redshift, ...warehouse } = speak(config, schema);
  await warehouse.run(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  return {
    ...warehouse,
    async close() {
      await warehouse.run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await removeBelow(redshift.config, '');
      redshift.close();
    },
  };
}

function speak(config: object, schema: string): Omit<Warehouse, 'close'> & { readonly redshift: Redshift } {
  const redshift = openRedshift(configSchema.parse(config));
  return {
    redshift, schema, connection: JSON.stringify({ connector: 'redshift', ...config }), rows: redshift.rows,
    run: async (sql) => { await redshift.transaction({ doing: 'preparing a test', steps: sql.split(/;\s+/).map((one) => ({ sql: one })) }); },
  };
}

const credentials = { accessKeyId: 'simulator', secretAccessKey: 'simulator-secret' };

export async function startWarehouse(options: object = {}): Promise<SimulatedWarehouse> {
  const database = await createDatabase();
  const [bucket, prefix] = ['redshift-tests', randomBytes(5).toString('hex')];
  await ensureBucket(bucket);
  const s3 = s3Server();
  const simulator = spawn(process.execPath, [path.resolve(__dirname, '../../simulators/redshift-data/server.mjs'), JSON.stringify({ postgres: database.url, s3, ...credentials, ...options })], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_NO_WARNINGS: '1' } });
  const url = await addressOf(simulator);
  const keys = (at: object, { accessKeyId, secretAccessKey }: typeof credentials) => ({ ...at, access_key_id: accessKeyId, secret_access_key: secretAccessKey });
  const { redshift, ...warehouse } = speak(keys({ workgroup: 'simulator', database: 'dev', endpoint: url, staging: keys({ bucket, prefix, endpoint: s3.endpoint }, s3) }, credentials), 'public');
  const ask = async (what: string, body: object = {}): Promise<unknown> => {
    const reply = await fetch(`${url}/_simulator/${what}`, { method: 'POST', body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(await reply.text());
    return reply.json();
  };
  return {
    ...warehouse, database, bucket, prefix, url,
    fault: async (fault) => { await ask('fault', fault); },
    release: async () => { await ask('release'); },
    expire: async () => { await ask('expire'); },
    asked: async () => await ask('asked') as Awaited<ReturnType<SimulatedWarehouse['asked']>>,
    statements: async () => await ask('statements') as Awaited<ReturnType<SimulatedWarehouse['statements']>>,
    async close() {
      redshift.close();
      const gone = once(simulator, 'exit');
      simulator.kill();
      await gone;
      await database.drop();
    },
  };
}

async function addressOf(simulator: ChildProcess): Promise<string> {
  const [said] = await once(simulator.stdout!, 'data') as [Buffer];
  return (JSON.parse(String(said)) as { url: string }).url;
}
