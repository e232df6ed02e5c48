import type { StreamSchema } from '../../domain/column';
import { ConfigurationError } from '../../domain/errors';
import type { ConnectorContext, Source } from '../connector';
import { refuseOtherColumns } from '../other-columns';
import type { MysqlConfig } from './config';
import { openConnection, type MysqlConnection } from './connection';
import { landRows } from './landing';
import { planPartitions, sliceSql, type Slice } from './partitions';
import { quoteLiteral } from './quote';
import { describeTable } from './table';
import { printed } from './types';
import { planWindow } from './window';

/** Tables and views of a MySQL or MariaDB database. Rows stream to the landing file as the server's own text. */
export async function openMysqlSource(config: MysqlConfig, context: ConnectorContext): Promise<Source> {
  let opened: MysqlConnection | null = null;
  const connect = async () => (opened ??= await openConnection(config));
  return {
    async check() {
      try {
        const [version] = await (await connect()).rows('SELECT VERSION()');
        return { ok: true, messages: [`"${context.connection}": ${config.database}, server ${version![0]}`] };
      } catch (error) {
        return { ok: false, messages: [`"${context.connection}": ${(error as Error).message}`] };
      }
    },
    discover: async () => discover(await connect(), config.database),
    async plan(request, control) {
      control.signal.throwIfAborted();
      const { stream } = request;
      if (stream.query !== undefined) throw new ConfigurationError(`planning stream "${stream.stream}": "query" is not available with mysql yet; make it a view`);
      const connection = await connect();
      const table = await describeTable(connection, stream.stream, config.database);
      const planned = await planWindow(connection, table, request, control);
      return {
        columns: table.columns, key: table.key, window: planned.window,
        partitions: planned.empty ? [] : await planPartitions(connection, table, planned.condition, stream.partition.rows),
        position: planned.window ? { cursor: planned.window.upper, ...(planned.condition && { state: { condition: planned.condition } }) } : request.position ?? { cursor: null },
        files: [], reloads: [], notes: planned.notes,
      };
    },
    async read({ stream, plan, partition }, landing, control) {
      const connection = await connect();
      const table = await describeTable(connection, stream.stream, config.database);
      refuseOtherColumns(table.label, table.columns, plan.columns);
      const place = await landing.create('csv');
      const window = plan.position.state?.['condition'] as string | undefined;
      const sql = `SELECT ${plan.columns.map(printed).join(', ')} FROM ${table.from} WHERE ${plan.window && window ? `${window} AND ` : ''}${sliceSql(partition.detail as unknown as Slice, table)}`;
      const rows = await landRows(connection, sql, place.path, control);
      return [await landing.seal(place.key, { rows, format: { name: 'copy_csv', options: { fields: plan.columns.length } }, origin: table.label })];
    },
    async sample({ stream, rows }, landing, control) {
      const connection = await connect();
      const table = await describeTable(connection, stream.stream, config.database);
      const place = await landing.create('csv');
      await landRows(connection, `SELECT ${table.columns.map(printed).join(', ')} FROM ${table.from} LIMIT ${rows}`, place.path, control);
      return { columns: table.columns, files: [{ path: place.path, format: { name: 'copy_csv', options: { fields: table.columns.length } }, origin: table.label }] };
    },
    close: async () => { await opened?.close(); },
  };
}

async function discover(connection: MysqlConnection, database: string): Promise<readonly StreamSchema[]> {
  const tables = await connection.rows(`SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${quoteLiteral(database)} ORDER BY 1`);
  const found: StreamSchema[] = [];
  for (const [name] of tables) {
    const { columns, key, estimatedRows } = await describeTable(connection, name!, database);
    found.push({ stream: name!, columns, key, estimatedRows });
  }
  return found;
}
