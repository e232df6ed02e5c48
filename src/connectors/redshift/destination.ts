import { batchColumn } from '../../domain/column';
import { openObjectStore } from '../../stores/object-store';
import type { ConnectorContext, Destination, Target } from '../connector';
import { readCheckpoint, setPosition, traceBatch } from './checkpoint';
import { claimStream, leftovers } from './claim';
import { openRedshift, type Redshift } from './client';
import { addressOf, type RedshiftConfig } from './config';
import { discardBatch } from './discard';
import { loadBatch } from './load';
import { namesOf, type Names } from './names';
import { columnsOf, prepareTarget } from './prepare';
import { proofOfTarget } from './proof';
import { publishStream } from './publish';
import { quoteLiteral } from './quote';
import { canRollback, rollbackRun } from './rollback';
import { ensureSystemTables, systemTablesThere } from './system-tables';
import { verifyStream } from './verify';

/** Tables of a Redshift warehouse by the Data API: ledger, checkpoint and rows commit together. */
export async function openRedshiftDestination(config: RedshiftConfig, context: ConnectorContext): Promise<Destination> {
  const redshift: Redshift = openRedshift(config);
  const on = (target: Target): Names => namesOf(target, config);
  return {
    check: () => check(redshift, context.connection),
    async claim(target, control) {
      const names = on(target);
      await ensureSystemTables(redshift, names, control.signal);
      return claimStream(redshift, names, target);
    },
    prepare: (target, plan, options) => prepareTarget(redshift, on(target), target, plan, options),
    async provable(target, columns) {
      const { schema, table } = on(target);
      return proofOfTarget(await columnsOf(redshift, schema, table), columns);
    },
    load: (request, control) => loadBatch(redshift, on(request.target), context, request, control),
    publish: (request, control) => publishStream(redshift, on(request.target), context, request, control),
    count: (target, plan, batchIds) => countBatches(redshift, on(target), plan.fence, batchIds),
    discard: (target, plan, batchId) => discardBatch(redshift, on(target), plan, batchId),
    verify: (request, control) => verifyStream(redshift, on(request.target), request, control.signal),
    canRollback: (target) => canRollback(redshift, on(target), target),
    rollback: (target) => rollbackRun(redshift, on(target), target),
    checkpoint: (target) => readCheckpoint(redshift, on(target)),
    setPosition: (target, claim, position) => setPosition(redshift, on(target), claim, position),
    leftovers: async (target, { drop }) => ((await systemTablesThere(redshift)) ? leftovers(redshift, on(target), drop) : []),
    trace: (target, batchNumber) => traceBatch(redshift, on(target), batchNumber),
    async rows(target) {
      const { schema, table, target: quoted } = on(target);
      if ((await columnsOf(redshift, schema, table)).size === 0) return null;
      return Number((await redshift.row(`SELECT CAST(count(*) AS VARCHAR) AS n FROM ${quoted}`))['n']);
    },
    close: async () => redshift.close(),
  };
}

async function check(redshift: Redshift, connection: string): Promise<{ readonly ok: boolean; readonly messages: readonly string[] }> {
  const { config } = redshift;
  const { version, may } = await redshift.row(
    `SELECT version() AS version, CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 'yes' ELSE 'no' END AS may`);
  const store = openObjectStore(config.staging, 'destination');
  try {
    await store.probe();
  } finally {
    store.close();
  }
  const there = (await redshift.rows(`SELECT '1' AS some FROM svv_tables WHERE table_schema = ${quoteLiteral(config.schema)} LIMIT 1`)).length > 0;
  const ok = may === 'yes' || there;
  return { ok, messages: [
    `"${connection}": ${version?.split(' on ')[0] ?? 'Redshift'} answers at ${addressOf(config)}; files for COPY go to ${store.name}`,
    ...(ok ? [] : [`the database user may not create schema "${config.schema}": GRANT CREATE ON DATABASE ${config.database} TO it, or create the schema and GRANT CREATE, USAGE ON SCHEMA "${config.schema}"`]),
  ] };
}

async function countBatches(redshift: Redshift, names: Names, fence: number, batchIds: readonly string[]): Promise<Readonly<Record<string, number>>> {
  if (batchIds.length === 0) return {};
  const hiddenThere = (await columnsOf(redshift, names.schema, names.hiddenName(fence))).size > 0;
  const wanted = new Set(batchIds);
  const rows = await redshift.rows(
    `SELECT l.batch_id, CAST(COALESCE(c.n, 0) AS VARCHAR) AS n FROM (SELECT batch_id, batch_number FROM ${names.loads} WHERE ${names.mine} AND run = ${quoteLiteral(names.holder)}) l ` +
    `LEFT JOIN (SELECT ${batchColumn} AS b, count(*) AS n FROM ${hiddenThere ? names.hidden(fence) : names.target} GROUP BY ${batchColumn}) c ON c.b = l.batch_number`);
  return Object.fromEntries(rows.filter((row) => wanted.has(row['batch_id']!)).map((row) => [row['batch_id']!, Number(row['n'])]));
}
