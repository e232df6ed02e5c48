import { setTimeout as sleep } from 'node:timers/promises';
import { DestinationHeldError } from '../../domain/errors';
import { schemaSql } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import type { Redshift } from './client';
import { systemTables, type Names } from './names';

const key = 'target VARCHAR(512) NOT NULL, pipeline VARCHAR(512) NOT NULL, stream VARCHAR(512) NOT NULL';

const definitions = ({ checkpoints, loads, files, displaced }: Names): readonly string[] => [
  `CREATE TABLE IF NOT EXISTS ${checkpoints} (${key}, holder VARCHAR(2048), started_at VARCHAR(64), fence BIGINT NOT NULL, settled BIGINT NOT NULL, version BIGINT NOT NULL, "write" VARCHAR(16), "position" VARCHAR(65535), ` +
    'publisher VARCHAR(2048), receipt VARCHAR(65535), written BIGINT, deduplicated BIGINT, deleted BIGINT, ended BIGINT, published_at TIMESTAMPTZ) DISTSTYLE ALL',
  `CREATE TABLE IF NOT EXISTS ${loads} (batch_number BIGINT NOT NULL, batch_id VARCHAR(2048) NOT NULL, ${key}, run VARCHAR(2048) NOT NULL, fence BIGINT NOT NULL, checksum VARCHAR(128) NOT NULL, plan_hash VARCHAR(128) NOT NULL, ` +
    '"rows" BIGINT NOT NULL, state VARCHAR(16) NOT NULL, original BIGINT, fingerprint VARCHAR(64), proof VARCHAR(65535), committed_at TIMESTAMPTZ, published_at TIMESTAMPTZ) DISTSTYLE AUTO',
  `CREATE TABLE IF NOT EXISTS ${files} (${key}, path VARCHAR(8192) NOT NULL, size BIGINT NOT NULL, version VARCHAR(512) NOT NULL, batch_number BIGINT NOT NULL) DISTSTYLE AUTO`,
  // Rows of an earlier batch (NULL: of none) that a publish took away, or of its own that it did not write.
  `CREATE TABLE IF NOT EXISTS ${displaced} (target VARCHAR(512) NOT NULL, run VARCHAR(2048) NOT NULL, batch_number BIGINT, "rows" BIGINT NOT NULL, fingerprint VARCHAR(64)) DISTSTYLE AUTO`,
];

/** Names of the tables among those asked for that are there. */
export async function tablesThere(redshift: Redshift, schema: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await redshift.rows(`SELECT CAST(table_name AS VARCHAR) AS name FROM svv_tables WHERE table_schema = ${quoteLiteral(schema)} AND table_name IN (${names.map(quoteLiteral).join(', ')})`);
  return new Set(rows.map((row) => row['name']!));
}

const attempts = 6;

/** Creates system tables and the target's lock table unless they are there. Streams that come first at the same time collide in the catalog: who loses looks again. */
export async function ensureSystemTables(redshift: Redshift, names: Names, signal: AbortSignal): Promise<void> {
  const { schema } = redshift.config;
  const wanted = [...systemTables, names.lockName];
  const statements = [...await schemaSql(redshift, schema), ...definitions(names), `CREATE TABLE IF NOT EXISTS ${names.lock} (nothing SMALLINT)`];
  for (let attempt = 1; (await tablesThere(redshift, schema, wanted)).size < wanted.length; attempt += 1) {
    if (attempt > attempts) throw new DestinationHeldError(`preparing schema "${schema}": its tables _millrace_… are there, and this database user may not use them: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${quoteIdentifier(schema)} TO it, or give the connection a "schema" of its own, then "millrace resume RUN"`, { schema });
    try {
      await redshift.transaction({ doing: `creating the system tables in schema "${schema}"`, steps: statements.map((sql) => ({ sql })), signal });
    } catch (error) {
      if (attempt === attempts || /permission denied/i.test(String(error))) throw error;
      await sleep(attempt * 100 * (1 + Math.random()), undefined, { signal });
    }
  }
}

export const systemTablesThere = async (redshift: Redshift): Promise<boolean> => (await tablesThere(redshift, redshift.config.schema, systemTables)).size === systemTables.length;
