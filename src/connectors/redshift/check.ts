import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { openObjectStore, type ObjectStore } from '../../stores/object-store';
import type { CheckResult } from '../connector';
import type { Redshift } from './client';
import { addressOf } from './config';
import { schemaSql } from './columns';
import { copySql } from './copy-files';
import { quoteLiteral } from './quote';
import { roleSql } from './staging-places';

type Side = 'source' | 'destination';

/** The warehouse answers, the bucket lies beside it and can be used from here and by the role, and a destination may make its tables. Every fault is told at once. */
export async function checkWarehouse(redshift: Redshift, connection: string, side: Side): Promise<CheckResult> {
  const { config } = redshift;
  const store = openObjectStore(config.staging, side);
  try {
    const answers = await told(async () => {
      const { version } = await redshift.row('SELECT CAST(version() AS VARCHAR) AS version');
      return `${version?.split(' on ')[0] ?? 'Redshift'} answers at ${addressOf(config)}`;
    });
    const bucket = await told(async () => {
      refuseOtherRegion(redshift);
      await store.probe();
      return `files go through ${store.name}`;
    });
    const rest = answers.ok && bucket.ok ? [await told(() => (side === 'source' ? checkUnload(redshift, store) : checkCopy(redshift, store))), ...(side === 'destination' ? [await told(() => checkGrants(redshift))] : [])] : [];
    const all = [answers, bucket, ...rest];
    return { ok: all.every(({ ok }) => ok), messages: all.map(({ message }) => `"${connection}": ${message}`) };
  } finally {
    store.close();
  }
}

/** What was found, or the fault. */
const told = (look: () => Promise<string>): Promise<{ readonly ok: boolean; readonly message: string }> =>
  look().then((message) => ({ ok: true, message }), (error: Error) => ({ ok: false, message: error.message }));

function refuseOtherRegion({ config }: Redshift): void {
  const { region, staging } = config;
  if (region && staging.region && region !== staging.region) throw new Error(`the staging bucket "${staging.bucket}" lies in ${staging.region}, the warehouse in ${region}: COPY and UNLOAD want both in one region; take another bucket`);
}

/** One row is read as a load would, and not loaded: that shows the role and what it may do. */
async function checkCopy(redshift: Redshift, store: ObjectStore): Promise<string> {
  const folder = `check/${randomUUID()}`;
  const local = await mkdtemp(path.join(tmpdir(), 'millrace-check-'));
  try {
    const [file, body] = [path.join(local, 'one.csv.gz'), gzipSync('1\n')];
    await writeFile(file, body);
    await store.upload(`${folder}/one.csv.gz`, file, { signal: new AbortController().signal });
    await store.createText(`${folder}/manifest.json`, JSON.stringify({ entries: [{ url: `${store.name}/${folder}/one.csv.gz`, mandatory: true, meta: { content_length: body.length } }] }));
    const copy = copySql('_millrace_check', redshift.config, ['n'], { manifest: `${store.name}/${folder}/manifest.json`, nullMark: 'null' });
    await redshift.transaction({ doing: 'trying COPY', steps: [{ sql: 'CREATE TEMP TABLE _millrace_check (n INTEGER)' }, { sql: `${copy} NOLOAD` }] });
    return `COPY may read it as ${roleName(redshift)}`;
  } finally {
    await removeAll(store, folder);
    await rm(local, { recursive: true, force: true });
  }
}

async function checkUnload(redshift: Redshift, store: ObjectStore): Promise<string> {
  const folder = `check/${randomUUID()}`;
  try {
    await redshift.transaction({ doing: 'trying UNLOAD', steps: [{ sql: `UNLOAD (${quoteLiteral('SELECT 1 AS n')}) TO ${quoteLiteral(`${store.name}/${folder}/`)} IAM_ROLE ${roleSql(redshift.config)} FORMAT AS CSV PARALLEL OFF` }] });
    return `UNLOAD may write to it as ${roleName(redshift)}`;
  } finally {
    await removeAll(store, folder);
  }
}

const roleName = ({ config }: Redshift): string => (config.iam_role === 'default' ? 'the default role of the warehouse' : `role ${config.iam_role}`);

async function removeAll(store: ObjectStore, folder: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(`${folder}/`)) keys.push(key);
  await store.remove(keys).catch(() => undefined);
}

async function checkGrants(redshift: Redshift): Promise<string> {
  const { database, schema } = redshift.config;
  const there = (await schemaSql(redshift, schema)).length === 0;
  const { may, who } = await redshift.row(`SELECT CASE WHEN ${there ? `has_schema_privilege(${quoteLiteral(schema)}, 'CREATE')` : "has_database_privilege(current_database(), 'CREATE')"} THEN 'yes' ELSE 'no' END AS may, CAST(current_user AS VARCHAR) AS who`);
  if (may !== 'yes') throw new Error(there ? `database user "${who}" may not make tables in schema "${schema}": GRANT CREATE, USAGE ON SCHEMA "${schema}" TO "${who}"` : `database user "${who}" may not make schema "${schema}": GRANT CREATE ON DATABASE ${database} TO "${who}", or make the schema and GRANT CREATE, USAGE ON SCHEMA "${schema}" TO "${who}"`);
  return `database user "${who}" may make tables in schema "${schema}"`;
}
