// For the demo: a small shop in Postgres, a real S3 server, and the stand-in for Redshift, whose tables lie in a Postgres database of their own.
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import pg from 'pg';
import { createRedshiftServer } from '../simulators/redshift-data/server.mjs';

const bucket = 'millrace-demo';

/** Null: no S3 server can be had here. `env`: what pipelines/connections.yaml asks for; `useWarehouse`: once Postgres is up. */
export async function startWarehouse(root) {
  const { startS3 } = await import(path.join(root, 'lib/dev/s3.js'));
  const s3 = await startS3({ folder: path.join(root, '.millrace/demo/s3'), tools: path.join(root, '.millrace/tools'), log: console.log }).catch((error) => {
    console.log(`The examples with S3 and Redshift are left out: ${error.message}`);
    return null;
  });
  if (!s3) return null;
  const store = new S3Client({ endpoint: s3.endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey } });
  await store.send(new CreateBucketCommand({ Bucket: bucket })).catch((error) => { if (!/^BucketAlready/.test(error.name)) throw error; });
  store.destroy();
  let postgres;
  const server = await createRedshiftServer({ postgres: () => postgres, s3 });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  server.unref();
  return {
    env: {
      MILLRACE_DEMO_REDSHIFT: `http://127.0.0.1:${server.address().port}`, MILLRACE_DEMO_REDSHIFT_KEY: 'simulator', MILLRACE_DEMO_REDSHIFT_SECRET: 'simulator-secret',
      MILLRACE_DEMO_S3: s3.endpoint, MILLRACE_DEMO_S3_KEY: s3.accessKeyId, MILLRACE_DEMO_S3_SECRET: s3.secretAccessKey, MILLRACE_DEMO_S3_BUCKET: bucket,
    },
    async useWarehouse(postgresUrl) {
      await inDatabase(postgresUrl, (client) => client.query('CREATE DATABASE redshift_simulator').catch((error) => { if (error.code !== '42P04') throw error; }));
      const url = new URL(postgresUrl);
      url.pathname = '/redshift_simulator';
      postgres = url.href;
    },
    stop: () => s3.stop(),
  };
}

async function inDatabase(url, work) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** A thousand customers and twenty thousand orders, always the same; made once. */
export const makeShop = (url) => inDatabase(url, (client) => client.query(`
  CREATE SCHEMA IF NOT EXISTS shop;
  CREATE TABLE IF NOT EXISTS shop.customers (id int PRIMARY KEY, name varchar(80) NOT NULL, email varchar(120), born date, updated_at timestamptz NOT NULL);
  CREATE TABLE IF NOT EXISTS shop.orders (id bigint PRIMARY KEY, customer_id int NOT NULL, status varchar(12) NOT NULL, total numeric(12,2) NOT NULL, details jsonb, ordered_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
  INSERT INTO shop.customers SELECT n, ' Customer ' || n, 'customer' || n || '@example.org', date '1960-01-01' + n * 7, timestamptz '2026-01-01' + n * interval '1 minute' FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING;
  INSERT INTO shop.orders SELECT n, 1 + n % 1000, (ARRAY['new', 'paid', 'shipped', 'cancelled'])[1 + n % 4], n % 977 + 0.05 * (n % 20), jsonb_build_object('items', 1 + n % 5, 'gift', n % 9 = 0),
    timestamptz '2026-01-01' + n * interval '7 minutes', timestamptz '2026-01-01' + n * interval '8 minutes' FROM generate_series(1, 20000) n ON CONFLICT DO NOTHING`));

/** A day in the shop: orders are paid, new ones come. */
export const changeShop = (url) => inDatabase(url, (client) => client.query(`
  UPDATE shop.orders SET status = 'paid', updated_at = now() WHERE status = 'new' AND id % 50 = 0;
  INSERT INTO shop.orders SELECT m.last + n, 1 + n % 1000, 'new', 9.99 + n, NULL, now(), now() FROM (SELECT max(id) AS last FROM shop.orders) m, generate_series(1, 250) n`));
