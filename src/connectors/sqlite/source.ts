import { existsSync } from 'node:fs';
import path from 'node:path';
import { Database } from 'node-sqlite3-wasm';
import type { Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import { ConfigurationError, SourceHeldError, SourceUnavailableError } from '../../domain/errors';
import type { StreamSpec } from '../../domain/pipeline';
import { csvLine, openTextFile } from '../../formats/text-file';
import { quoteIdentifier, quoteLiteral } from '../../transforms/quote';
import type { ConnectorContext, Source } from '../connector';
import { refuseOtherColumns } from '../other-columns';
import type { SqliteConfig } from './config';

/** Tables of an SQLite file. SQLite itself prints the values, so none passes through a number of JavaScript. */
export async function openSqliteSource(config: SqliteConfig, context: ConnectorContext): Promise<Source> {
  const file = path.resolve(context.baseFolder, config.path);
  const withDatabase = async <Result>(work: (database: Database) => Promise<Result>): Promise<Result> => {
    if (!existsSync(file)) throw new SourceHeldError(`opening "${file}": there is no such file; correct "path" in connections.yaml`);
    if (existsSync(`${file}-wal`)) throw new SourceHeldError(`opening "${file}": it is in WAL mode, which cannot be read beside its writer; give a copy made by "VACUUM INTO", then "millrace resume RUN"`);
    const database = open(file);
    try {
      return await work(database);
    } catch (error) {
      throw translated(error, file);
    } finally {
      database.close();
    }
  };
  return {
    async check() {
      return existsSync(file) ? { ok: true, messages: [`"${context.connection}": "${file}"`] } : { ok: false, messages: [`"${context.connection}": there is no file "${file}"; correct "path" in connections.yaml`] };
    },
    discover: () => withDatabase(async (database) => {
      const tables = database.all("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1") as { name: string }[];
      return tables.map(({ name }) => ({ stream: name, ...describe(database, { stream: name, types: {} }) }));
    }),
    plan: ({ stream }, control) => withDatabase(async (database) => {
      control.signal.throwIfAborted();
      if (stream.mode !== 'full') throw new ConfigurationError(`planning stream "${stream.stream}": only "mode: full" is available with sqlite yet`);
      if (stream.query !== undefined) throw new ConfigurationError(`planning stream "${stream.stream}": "query" is not available with sqlite yet; make it a view`);
      const { columns, key } = describe(database, stream);
      return {
        columns, key, window: null,
        partitions: [{ ordinal: 0, label: stream.stream, detail: null, estimatedRows: null }], position: { cursor: null }, files: [], reloads: [], notes: [],
      };
    }),
    read: ({ stream, plan }, landing, control) => withDatabase(async (database) => {
      refuseOtherColumns(stream.stream, describe(database, stream).columns, plan.columns);
      const place = await landing.create('csv');
      const rows = await landRows(database, stream.stream, plan.columns, place.path, control);
      return [await landing.seal(place.key, { rows, format: formatOf(plan.columns), origin: stream.stream })];
    }),
    sample: ({ stream, rows }, landing, control) => withDatabase(async (database) => {
      const { columns } = describe(database, stream);
      const place = await landing.create('csv');
      await landRows(database, stream.stream, columns, place.path, control, ` LIMIT ${rows}`);
      return { columns, files: [{ path: place.path, format: formatOf(columns), origin: stream.stream }] };
    }),
    close: async () => undefined,
  };
}

const formatOf = (columns: readonly Column[]) => ({ name: 'copy_csv', options: { fields: columns.length } });

/** Writes rows as a COPY prints them; returns how many there were. @param limit what follows FROM. */
async function landRows(database: Database, table: string, columns: readonly Column[], to: string, control: Control, limit = ''): Promise<number> {
  const out = await openTextFile(to);
  const names = columns.map((_column, index) => `c${index}`);
  const statement = database.prepare(`SELECT ${columns.map(({ name, type }, index) => `${printed(name, type)} AS c${index}`).join(', ')} FROM ${quoteIdentifier(table)}${limit}`);
  let rows = 0;
  try {
    for (const row of statement.iterate() as Iterable<Record<string, string | null>>) {
      if (rows % 10_000 === 0) { control.signal.throwIfAborted(); control.progress({ rows }); }
      await out.write(csvLine(names.map((name) => row[name] ?? null)));
      rows += 1;
    }
  } finally {
    statement.finalize();
    await out.close();
  }
  return rows;
}

function open(file: string): Database {
  try {
    return new Database(file, { readOnly: true, fileMustExist: true });
  } catch (error) {
    throw translated(error, file);
  }
}

function translated(error: unknown, file: string): unknown {
  if (!(typeof error === 'object' && error !== null && (error as Error).name === 'SQLite3Error')) return error;
  const { message } = error as Error;
  return /locked|busy/i.test(message) ? new SourceUnavailableError(`reading "${file}": ${message}; the run goes on by itself`) : new SourceHeldError(`reading "${file}": ${message}; correct that, then "millrace resume RUN"`);
}

function describe(database: Database, { stream: table, types }: Pick<StreamSpec, 'stream' | 'types'>): { readonly columns: readonly Column[]; readonly key: readonly string[] } {
  const found = database.all(`SELECT name, upper(type) AS type, "notnull" AS required, pk FROM pragma_table_info(${quoteLiteral(table)}) ORDER BY cid`) as { name: string; type: string; required: number; pk: number }[];
  if (found.length === 0) throw new SourceHeldError(`planning stream "${table}": there is no such table; correct the name`, { stream: table });
  return {
    columns: found.map(({ name, type, required }) => ({ name, type: types[name] ?? typeOf(type), nullable: required === 0 })),
    key: found.filter(({ pk }) => pk > 0).sort((left, right) => left.pk - right.pk).map(({ name }) => name),
  };
}

/** By SQLite's own rules of affinity. A column may hold anything: what does not fit is set aside. */
function typeOf(declared: string): string {
  const [, precision, scale] = /^(?:DECIMAL|NUMERIC)\((\d+)(?:,\s*(\d+))?\)$/.exec(declared) ?? [];
  if (precision && Number(precision) <= 38) return `DECIMAL(${precision},${scale ?? 0})`;
  if (/INT/.test(declared)) return 'BIGINT';
  if (/CHAR|CLOB|TEXT/.test(declared)) return 'VARCHAR';
  if (/BLOB/.test(declared)) return 'BLOB';
  return /REAL|FLOA|DOUB/.test(declared) ? 'DOUBLE' : 'VARCHAR';
}

/** Bytes as \x and hex; floats with all their digits. */
function printed(name: string, type: string): string {
  const column = quoteIdentifier(name);
  if (type === 'BLOB') return `CASE WHEN ${column} IS NOT NULL THEN '\\x' || lower(hex(${column})) END`;
  return `CASE typeof(${column}) WHEN 'real' THEN printf('%!.17g', ${column}) WHEN 'blob' THEN '\\x' || lower(hex(${column})) ELSE CAST(${column} AS TEXT) END`;
}
