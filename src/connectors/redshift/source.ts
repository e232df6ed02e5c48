import type { Column } from '../../domain/column';
import { DestinationHeldError, DestinationUnavailableError, SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { Partition, Plan } from '../../domain/plan';
import { csvLine, openTextFile } from '../../formats/text-file';
import type { ConnectorContext, Source } from '../connector';
import { refuseOtherColumns } from '../other-columns';
import { checkWarehouse } from './check';
import { openRedshift } from './client';
import type { RedshiftConfig } from './config';
import { familyOf, windowSql } from './cursor';
import { quoteIdentifier } from './quote';
import { columnsOfSlice, conditionOf, planPartitions, type Slice } from './slices';
import { describe, discover, type SourceTable } from './source-table';
import { printed, unload } from './unload';
import { planWindow } from './window';

/** Tables, views and queries of a warehouse: UNLOAD writes each partition to the staging bucket, and it is read from there. */
export async function openRedshiftSource(config: RedshiftConfig, context: ConnectorContext): Promise<Source> {
  const redshift = openRedshift(config);
  return {
    readsRanges: true,
    check: () => checkWarehouse(redshift, context.connection, 'source').catch((error: Error) => ({ ok: false, messages: [`"${context.connection}": ${error.message}`] })),
    discover: () => asSource(() => discover(redshift)),
    plan: (request, control) => asSource(async () => {
      control.signal.throwIfAborted();
      const { stream, position } = request;
      const table = await describe(redshift, stream);
      const planned = await planWindow(redshift, table, request);
      const { notes, ...parts } = await planPartitions(redshift, table, planned, stream);
      return {
        columns: table.columns, key: [], window: planned.window, ...parts, position: planned.window ? { cursor: planned.window.upper } : position ?? { cursor: null }, files: [], reloads: [],
        notes: [...planned.notes, ...notes],
      };
    }),
    read: ({ stream, plan, partition }, landing, control) => asSource(async () => {
      const table = await describe(redshift, stream);
      refuseOthers(table, plan, partition);
      const place = await landing.create('csv');
      const rows = await unload(redshift, context.engine, { from: rowsOf(table, plan, partition), label: table.label, columns: plan.columns, to: place.path }, control);
      return [await landing.seal(place.key, { rows, format: landedFormat(plan.columns), origin: table.label })];
    }),
    sample: ({ stream, rows }, landing) => asSource(async () => {
      const table = await describe(redshift, stream);
      const found = await redshift.rows(`SELECT ${table.columns.map((column, index) => `${printed(column)} AS c${index}`).join(', ')} FROM ${table.from} LIMIT ${rows}`);
      const place = await landing.create('csv');
      const out = await openTextFile(place.path);
      for (const row of found) await out.write(csvLine(table.columns.map((_column, index) => row[`c${index}`] ?? null)));
      await out.close();
      return { columns: table.columns, files: [{ path: place.path, format: landedFormat(table.columns), origin: table.label }] };
    }),
    measure: ({ stream, plan, aggregates }, control) => asSource(async () => {
      const table = await describe(redshift, stream);
      const nulls = plan.partitions.map(({ detail }) => detail as unknown as Slice).find((slice) => slice.kind === 'nulls');
      const inside = plan.window === null && stream.mode !== 'full' ? 'false' : windowOf(table, plan);
      const row = await redshift.row(`SELECT ${aggregates.map((sql, index) => `CAST((${sql}) AS VARCHAR) AS m${index}`).join(', ')} FROM ${table.from} WHERE (${inside}${nulls ? ` OR ${quoteIdentifier(nulls.column)} IS NULL` : ''})`, control.signal);
      return aggregates.map((_sql, index) => row[`m${index}`] ?? null);
    }),
    prove: ({ stream, plan, partition }, control) => asSource(async () => {
      const table = await describe(redshift, stream);
      refuseOthers(table, plan, partition);
      return { rows: Number((await redshift.row(`SELECT CAST(COUNT(*) AS VARCHAR) AS n FROM ${rowsOf(table, plan, partition)}`, control.signal))['n']), fingerprint: null };
    }),
    close: async () => redshift.close(),
  };
}

const landedFormat = (columns: readonly Column[]) => ({ name: 'copy_csv', options: { fields: columns.length } });

/** Condition of the plan's window; the type of the cursor is the table's. */
function windowOf(table: SourceTable, { window }: Plan): string {
  return window === null ? 'true' : windowSql({ column: quoteIdentifier(window.cursor), family: familyOf(table.types[window.cursor]!)! }, window.lower, window.upper);
}

/** The rows of a partition, as what follows FROM. */
const rowsOf = (table: SourceTable, plan: Plan, { detail }: Partition): string => `${table.from} WHERE ${conditionOf(detail as unknown as Slice, table, windowOf(table, plan))}`;

/** A plan outlives a change of its table; reading on would mix two shapes of rows. */
function refuseOthers(table: SourceTable, plan: Plan, { detail }: Partition): void {
  const slice = detail as unknown as Slice;
  const named = [...columnsOfSlice(slice), ...(plan.window ? [plan.window.cursor] : [])];
  const absent = named.filter((name) => table.types[name] === undefined).map((name) => ({ name, type: '', nullable: true }));
  refuseOtherColumns(table.label, table.columns, [...plan.columns, ...absent]);
  const cursor = plan.window?.cursor;
  if (cursor !== undefined && familyOf(table.types[cursor]!) === null) throw new SourceHeldError(`reading "${table.label}": column "${cursor}" is no cursor any more since the run was planned; undo the change and "millrace resume RUN", or cancel and run it again`, { table: table.label });
}

/** The same warehouse at the other end of a run. */
async function asSource<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DestinationUnavailableError) throw new SourceUnavailableError(error.message, error.facts);
    if (error instanceof DestinationHeldError) throw new SourceHeldError(error.message, error.facts);
    throw error;
  }
}
