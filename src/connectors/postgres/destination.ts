import { batchColumn } from '../../domain/column';
import type { ConnectorContext, Destination, Target } from '../connector';
import { ledgerOf, readCheckpoint, setPosition, traceBatch } from './checkpoint';
import { claimStream, leftovers } from './claim';
import { adopt, otherWriters } from './adopt';
import type { PostgresConfig } from './config';
import { addressOf, openConnection, type PostgresConnection } from './connection';
import { cancellable, copyOut } from './copy-out';
import { discardBatch } from './discard';
import { loadBatch } from './load';
import { columnsOf, prepareTarget, takesCopyText } from './prepare';
import { proofOfTarget } from './proof';
import { publishStream } from './publish';
import { arrayOf, quoteIdentifier } from './quote';
import { canRollback, rollbackRun } from './rollback';
import { ensureSystemTables, namesOf, type Names } from './system-tables';
import { verifyStream } from './verify';

/** Tables of a Postgres database: ledger, checkpoint and rows commit together. */
export async function openPostgresDestination(config: PostgresConfig, context: ConnectorContext): Promise<Destination> {
  let opened: PostgresConnection | null = null;
  const connect = async () => (opened ??= await openConnection(config, 'destination', 'millrace'));
  const on = async (target: Target): Promise<{ connection: PostgresConnection; names: Names }> => ({ connection: await connect(), names: namesOf(target, config) });
  return {
    async check() {
      const connection = await connect();
      const { version, may } = await connection.row('SELECT split_part(version(), \' \', 2) AS version, coalesce(has_schema_privilege(to_regnamespace($1), \'CREATE\'), has_database_privilege(current_database(), \'CREATE\'))::text AS may', [`"${config.schema}"`]);
      const grant = `GRANT CREATE, USAGE ON SCHEMA "${config.schema}" TO the role`;
      return { ok: may === 'true', messages: [`"${context.connection}": Postgres ${version} answers at ${addressOf(config)}`, ...(may === 'true' ? [] : [`the role may not create tables in schema "${config.schema}": ${grant}`])] };
    },
    async claim(target) {
      const { connection, names } = await on(target);
      await ensureSystemTables(connection, names, config.schema);
      return claimStream(connection, names, target);
    },
    async prepare(target, plan, options) {
      const { connection, names } = await on(target);
      return prepareTarget(connection, names, target, plan, options);
    },
    async takesCopyText(target, columns) {
      const { connection, names } = await on(target);
      return takesCopyText(connection, names, target, columns);
    },
    async provable(target, columns, widens = []) {
      const { connection, names } = await on(target);
      return proofOfTarget(connection, names.target, columns, widens);
    },
    async load(request, control) {
      const { connection, names } = await on(request.target);
      return loadBatch(connection, config, names, context, request, control);
    },
    async publish(request, control) {
      const { connection, names } = await on(request.target);
      return cancellable(connection, config, control.signal, () => publishStream({ connection, config, context, control }, names, request));
    },
    async count(target, plan, batchIds) {
      const { connection, names } = await on(target);
      const { there } = await connection.row('SELECT (to_regclass($1) IS NOT NULL)::text AS there', [names.hidden(plan.fence)]);
      const from = there === 'true' ? names.hidden(plan.fence) : names.target;
      const rows = await connection.rows(
        `SELECT l.batch_id, coalesce(c.n, 0)::text AS n FROM ${names.loads} l LEFT JOIN (SELECT ${batchColumn} AS b, count(*) AS n FROM ${from} GROUP BY 1) c ON c.b = l.batch_number WHERE l.batch_id = ANY($1::text[])`, [arrayOf(batchIds)]);
      return Object.fromEntries(rows.map((row) => [row['batch_id']!, Number(row['n'])]));
    },
    async discard(target, plan, batchId) {
      const { connection, names } = await on(target);
      await discardBatch(connection, names, plan, batchId);
    },
    async canRollback(target) {
      const { connection, names } = await on(target);
      return canRollback(connection, names, target);
    },
    async verify(request, control) {
      const { connection, names } = await on(request.target);
      await ensureSystemTables(connection, names, config.schema);
      return cancellable(connection, config, control.signal, () => verifyStream(connection, names, request));
    },
    async rollback(target) {
      const { connection, names } = await on(target);
      await rollbackRun(connection, names, target);
    },
    async checkpoint(target) {
      const { connection, names } = await on(target);
      return readCheckpoint(connection, names);
    },
    async setPosition(target, claim, position) {
      const { connection, names } = await on(target);
      return setPosition(connection, names, claim, position);
    },
    async writers(target) {
      const { connection, names } = await on(target);
      return otherWriters(connection, names);
    },
    async adopt(target, from, claim) {
      const { connection, names } = await on(target);
      await adopt(connection, names, namesOf(from, config), claim);
    },
    async leftovers(target, { drop }) {
      const { connection, names } = await on(target);
      return leftovers(connection, names, drop);
    },
    async trace(target, batchNumber) {
      const { connection, names } = await on(target);
      return traceBatch(connection, names, batchNumber);
    },
    keepsDistinct: true,
    async ledger(target, batchIds) {
      const { connection, names } = await on(target);
      return ledgerOf(connection, names, batchIds);
    },
    async sample(target, columns, rows, path, control) {
      const { connection, names } = await on(target);
      const texts = columns.map((name) => `${quoteIdentifier(name)}::text`).join(', ');
      await copyOut(connection, config, `COPY (SELECT ${texts} FROM ${names.target} LIMIT ${rows}) TO STDOUT (FORMAT csv, NULL '\\N', ENCODING 'UTF8', FORCE_QUOTE *)`, path, control, 'destination');
    },
    async rows(target) {
      const { connection, names } = await on(target);
      if ((await columnsOf(connection, names.target)).size === 0) return null;
      return Number((await connection.row(`SELECT count(*)::text AS n FROM ${names.target}`))['n']);
    },
    close: async () => { await opened?.close(); },
  };
}
