import { openObjectStore } from '../../stores/object-store';
import type { CheckResult } from '../connector';
import type { Redshift } from './client';
import { addressOf } from './config';
import { quoteLiteral } from './quote';

/** The warehouse answers, the staging bucket can be listed, and a destination may make its tables. */
export async function checkWarehouse(redshift: Redshift, connection: string, side: 'source' | 'destination'): Promise<CheckResult> {
  const { config } = redshift;
  const { version, may } = await redshift.row('SELECT CAST(version() AS VARCHAR) AS version, CASE WHEN has_database_privilege(current_database(), \'CREATE\') THEN \'yes\' ELSE \'no\' END AS may');
  const store = openObjectStore(config.staging, side);
  try {
    await store.probe();
  } finally {
    store.close();
  }
  const there = (await redshift.rows(`SELECT '1' AS some FROM svv_tables WHERE table_schema = ${quoteLiteral(config.schema)} LIMIT 1`)).length > 0;
  const ok = side === 'source' || may === 'yes' || there;
  return { ok, messages: [
    `"${connection}": ${version?.split(' on ')[0] ?? 'Redshift'} answers at ${addressOf(config)}; files go through ${store.name}`,
    ...(ok ? [] : [`the database user may not create schema "${config.schema}": GRANT CREATE ON DATABASE ${config.database} TO it, or create the schema and GRANT CREATE, USAGE ON SCHEMA "${config.schema}"`]),
  ] };
}
