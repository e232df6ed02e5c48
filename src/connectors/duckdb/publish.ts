import { batchColumn, positionColumn } from '../../domain/column';
import { BalanceError, FencedOffError } from '../../domain/errors';
import { batchesByPart } from '../../domain/ids';
import { inSourceOrder } from '../../domain/order';
import { stagesPosition } from '../../domain/pipeline';
import type { Position } from '../../domain/position';
import type { PublishReceipt } from '../../domain/receipt';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { PublishRequest } from '../connector';
import { sharedBatch } from '../shared-batch';
import { recordDisplaced, recordStrangers } from './displaced';
import { refuseOldFence, tableExists, type Names } from './names';
import { typesOf } from './proof';
import { writeRows } from './writes';

/** Rows visible, ledger, files and checkpoint, inside the caller's transaction. */
export async function publish(session: Session, names: Names, request: PublishRequest): Promise<PublishReceipt> {
  const { plan, batchIds, target } = request;
  const [checkpoint] = await session.rows(`SELECT version, publisher, receipt, "position" FROM _millrace_checkpoints WHERE ${names.mine}`);
  if (checkpoint && Number(checkpoint['version']) === plan.version + 1 && checkpoint['publisher'] === names.holder) return JSON.parse(checkpoint['receipt']!) as PublishReceipt;
  await refuseOldFence(session, names, plan.fence, plan.version);
  const ids = batchIds.map(quoteLiteral).join(', ') || 'NULL';
  const loads = await session.rows(`SELECT batch_id AS id, batch_number AS n, original FROM _millrace_loads WHERE batch_id IN (${ids}) AND state = 'committed'`);
  const numbers = new Map(loads.map((row) => [row['id']!, row['n']!]));
  const missing = batchIds.find((id) => !numbers.has(id));
  if (missing) throw new FencedOffError(`publishing to "${names.label}": batch "${missing}" is not in the ledger as committed; nothing was published: start a new run`, { batch: missing });
  await recordStrangers({ session, names, request });
  let reloaded = 0;
  await refuseShared(session, names, plan.reloads);
  for (const reload of plan.reloads) {
    const condition = `${batchColumn} IN (SELECT unnest(batches) FROM _millrace_files WHERE ${names.mine} AND path = ${quoteLiteral(reload)})`;
    await recordDisplaced({ session, names, request, table: names.target, rows: `SELECT * FROM ${names.target} WHERE ${condition}` });
    reloaded += await session.changed(`DELETE FROM ${names.target} WHERE ${condition}`);
  }
  await ensureHidden(session, names, request);
  const written = await writeRows(session, names, request, inSourceOrder(batchIds.map((id) => ({ number: numbers.get(id)!, original: loads.find((row) => row['id'] === id)!['original'] ?? null }))));
  await session.run(`DROP TABLE ${names.hidden(plan.fence)}`);
  if (target.stream.lineage && batchIds.length > 0) {
    const { n } = await session.row(`SELECT count(*) AS n FROM ${names.target} WHERE ${batchColumn} IN (${[...numbers.values()].join(', ')})`);
    if (Number(n) !== written.rows) throw new BalanceError(`publishing to "${names.label}": ${written.rows} rows were written, the table holds ${n} of this run; nothing was published`, { target: names.label });
  }
  await session.run(`UPDATE _millrace_loads SET state = 'published', published_at = now() WHERE batch_id IN (${ids})`);
  const batchesOf = batchesByPart(batchIds);
  for (const [ordinal, record] of plan.files.entries()) {
    const own = batchesOf(ordinal).map((id) => numbers.get(id)!);
    await session.run(`DELETE FROM _millrace_files WHERE ${names.mine} AND path = ${quoteLiteral(record.path)}; INSERT INTO _millrace_files VALUES (${[names.label, target.run.pipeline, target.stream.stream, record.path].map(quoteLiteral).join(', ')}, ${record.size}, ${quoteLiteral(record.version)}, [${own.join(', ')}])`);
  }
  const checks = await request.inspect?.({ table: names.target, columns: [...await typesOf(session, names.target)].map(([name, type]) => ({ name, type, nullable: true })), dialect: 'duckdb', ask: (sql) => session.row(sql) });
  const receipt: PublishReceipt = { fence: plan.fence, version: plan.version + 1, batches: batchIds.length, ...written, deleted: written.deleted + reloaded, position: plan.position, before: checkpoint?.['position'] ? (JSON.parse(checkpoint['position']) as Position) : null, ...(checks && { checks }) };
  await session.run(`UPDATE _millrace_checkpoints SET version = version + 1, "position" = ${quoteLiteral(JSON.stringify(plan.position))}, publisher = ${quoteLiteral(names.holder)}, receipt = ${quoteLiteral(JSON.stringify(receipt))} WHERE ${names.mine}`);
  return receipt;
}

/** A run without batches has none. */
async function ensureHidden(session: Session, names: Names, { plan, target: { stream } }: PublishRequest): Promise<void> {
  if (await tableExists(session, names.schema, `_millrace_s_${plan.fence}_${names.hash}`)) return;
  const columns = [...plan.target, ...(stagesPosition(stream) ? [{ name: positionColumn, type: 'BIGINT' }] : []), { name: batchColumn, type: 'BIGINT' }];
  await session.run(`CREATE TABLE ${names.hidden(plan.fence)} (${columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ')})`);
}

/** Rows of other files would go with those of the files that are loaded again. */
async function refuseShared(session: Session, names: Names, reloads: readonly string[]): Promise<void> {
  if (reloads.length === 0) return;
  const mine = `SELECT path, unnest(batches) AS n FROM _millrace_files WHERE ${names.mine}`;
  const again = `path IN (${reloads.map(quoteLiteral).join(', ')})`;
  const [shared] = await session.rows(`SELECT o.path FROM (${mine}) o JOIN (${mine} AND ${again}) f USING (n) WHERE NOT o.${again} LIMIT 1`);
  if (shared) throw sharedBatch(names.label, shared['path']!);
}
