import { batchColumn } from '../../domain/column';
import type { ConnectorContext, Destination, Target } from '../connector';
import { adopt, otherWriters } from './adopt';
import { checkWarehouse } from './check';
import { readCheckpoint, setPosition, traceBatch } from './checkpoint';
import { claimStream, leftovers } from './claim';
import { openRedshift, type Redshift } from './client';
import type { RedshiftConfig } from './config';
import { discardBatch } from './discard';
import { loadBatch } from './load';
import { namesOf, type Names } from './names';
import { columnsOf } from './columns';
import { prepareTarget } from './prepare';
import { proofOfTarget } from './proof';
import { publishStream } from './publish';
import { quoteLiteral } from './quote';
import { misfitsOf } from './misfits';
import { canRollback, rollbackRun } from './rollback';
import { ensureSystemTables, systemTablesThere } from './system-tables';
import { verifyStream } from './verify';

/** Tables of a Redshift warehouse by the Data API: ledger, checkpoint and rows commit together. */
export async function openRedshiftDestination(config: RedshiftConfig, context: ConnectorContext): Promise<Destination> {
  const redshift: Redshift = openRedshift(config);
  const on = (target: Target): Names => namesOf(target, config);
  return {
    check: () => checkWarehouse(redshift, context.connection, 'destination'),
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
    misfits: (target, columns) => misfitsOf(redshift, on(target), columns),
    load: (request, control) => loadBatch(redshift, on(request.target), context, request, control),
    publish: (request, control) => publishStream(redshift, on(request.target), context, request, control),
    count: (target, plan, batchIds) => countBatches(redshift, on(target), plan.fence, batchIds),
    discard: (target, plan, batchId) => discardBatch(redshift, on(target), plan, batchId),
    verify: (request, control) => verifyStream(redshift, on(request.target), request, control.signal),
    canRollback: (target) => canRollback(redshift, on(target), target),
    rollback: (target) => rollbackRun(redshift, on(target), target),
    checkpoint: (target) => readCheckpoint(redshift, on(target)),
    setPosition: (target, claim, position) => setPosition(redshift, on(target), claim, position),
    writers: (target) => otherWriters(redshift, on(target)),
    adopt: (target, from, claim) => adopt(redshift, on(target), on(from), claim),
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

async function countBatches(redshift: Redshift, names: Names, fence: number, batchIds: readonly string[]): Promise<Readonly<Record<string, number>>> {
  if (batchIds.length === 0) return {};
  const hiddenThere = (await columnsOf(redshift, names.schema, names.hiddenName(fence))).size > 0;
  const wanted = new Set(batchIds);
  // What COPY refused is in nobody's table, and the load has noted it here.
  const refused = hiddenThere ? `SELECT batch_number AS b, sum("rows") AS n FROM ${names.displaced} WHERE target = ${quoteLiteral(names.label)} AND run = ${quoteLiteral(names.holder)} GROUP BY batch_number` : 'SELECT CAST(NULL AS BIGINT) AS b, CAST(0 AS BIGINT) AS n';
  const rows = await redshift.rows(
    `SELECT l.batch_id, CAST(COALESCE(c.n, 0) + COALESCE(r.n, 0) AS VARCHAR) AS n FROM (SELECT batch_id, batch_number FROM ${names.loads} WHERE ${names.mine} AND run = ${quoteLiteral(names.holder)}) l ` +
    `LEFT JOIN (SELECT ${batchColumn} AS b, count(*) AS n FROM ${hiddenThere ? names.hidden(fence) : names.target} GROUP BY ${batchColumn}) c ON c.b = l.batch_number LEFT JOIN (${refused}) r ON r.b = l.batch_number`);
  return Object.fromEntries(rows.filter((row) => wanted.has(row['batch_id']!)).map((row) => [row['batch_id']!, Number(row['n'])]));
}
