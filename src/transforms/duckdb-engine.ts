import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Sema } from 'async-sema';
import { ConfigurationError, DiskFullError, EtlError, FileLockedError, UnreadableValueError, WorkerShortError } from '../domain/errors';
import { clearAsides, createAsideUsers, openAsides, type AsideUsers } from './asides';
import { quoteLiteral } from './quote';

export type TextRow = Readonly<Record<string, string | null>>;

/** One connection of its own: TEMP tables and views belong to it and go with it. */
export interface Session {
  /** Runs one or more statements. Aborting the session's signal interrupts it. */
  run(sql: string): Promise<void>;
  /** Small results only. Every value as text, NULL as null, so that none passes through a JS number. */
  rows(sql: string): Promise<readonly TextRow[]>;
  /** First row of a query that always has one. */
  row(sql: string): Promise<TextRow>;
  /** Rows in the file or table that a COPY, INSERT, UPDATE or DELETE reports. */
  changed(sql: string): Promise<number>;
  /** An empty folder of this session's own, for files between two queries; it goes with the session. Absolute. */
  scratch(): string;
  /** Whether texts may be set aside while a query runs (asides.ts), from now until the session ends. */
  asides(): boolean;
  readonly signal: AbortSignal;
}

export interface EngineSettings {
  /** `2GB`; all sessions together. */
  readonly memoryLimit: string;
  readonly tempFolder: string;
  /** Spilling beyond it fails the query instead of filling the disk. */
  readonly tempLimit: string;
  /** Sessions at a time; further ones wait. */
  readonly slots: number;
  readonly threads: number;
}

/** The only place that runs DuckDB (semantics 15). */
export interface Engine {
  /** Works in the shared in-memory instance; out of core beyond the memory limit. */
  session<Result>(signal: AbortSignal, work: (session: Session) => Promise<Result>): Promise<Result>;
  /**
   * Works in a database file. One user at a time per real path in this process, opened for the work and closed after it: a
   * second open of the same file in one process silently loses rows, and another process is locked out meanwhile.
   * Throws DestinationUnavailableError naming the process that holds the file.
   */
  file<Result>(file: string, options: { readonly readOnly: boolean }, signal: AbortSignal, work: (session: Session) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export async function openEngine(settings: EngineSettings): Promise<Engine> {
  mkdirSync(settings.tempFolder, { recursive: true });
  const limits = {
    memory_limit: settings.memoryLimit,
    temp_directory: settings.tempFolder,
    max_temp_directory_size: settings.tempLimit,
    threads: String(settings.threads),
    preserve_insertion_order: 'true',
  };
  const memory = await createInstance(':memory:', limits);
  const asides = createAsideUsers();
  await withConnection(memory, new AbortController().signal, (session) => session.run(openAsides));
  const slots = new Sema(settings.slots);
  const files = new Map<string, Sema>();

  async function withConnection<Result>(instance: DuckDBInstance, signal: AbortSignal, work: (session: Session) => Promise<Result>, asides?: AsideUsers): Promise<Result> {
    const connection = await instance.connect();
    let folder: string | null = null;
    let aside = false;
    const enter = (): boolean => (aside ||= asides?.enter() ?? false);
    const scratch = (): string => (folder ??= mkdtempSync(path.join(path.resolve(settings.tempFolder), 'session-')));
    try {
      await connection.run("SET TimeZone = 'UTC'");
      return await work(sessionOn(connection, signal, scratch, enter));
    } finally {
      // Where that fails, the next who leaves clears it.
      if (aside && asides!.leave()) await connection.run(clearAsides).catch(() => undefined).finally(asides!.cleared);
      connection.closeSync();
      if (folder) rmSync(folder, { recursive: true, force: true });
    }
  }

  return {
    async session(signal, work) {
      await slots.acquire();
      try {
        signal.throwIfAborted();
        return await withConnection(memory, signal, work, asides);
      } finally {
        slots.release();
      }
    },
    async file(file, { readOnly }, signal, work) {
      const real = realPathOf(file);
      const turn = files.get(real) ?? new Sema(1);
      files.set(real, turn);
      await turn.acquire();
      try {
        signal.throwIfAborted();
        const instance = await openFile(real, { ...limits, ...(readOnly && existsSync(real) ? { access_mode: 'READ_ONLY' } : {}) });
        try {
          return await withConnection(instance, signal, work);
        } finally {
          instance.closeSync();
        }
      } finally {
        turn.release();
      }
    },
    async close() {
      memory.closeSync();
    },
  };
}

/** Two names of one file (links, `..`) must meet in one registry entry, also while the file does not exist yet. */
function realPathOf(file: string): string {
  const absolute = path.resolve(file);
  if (existsSync(absolute)) return realpathSync(absolute);
  mkdirSync(path.dirname(absolute), { recursive: true });
  return path.join(realpathSync(path.dirname(absolute)), path.basename(absolute));
}

/** The library is loaded with the first database: most commands open none. */
async function createInstance(file: string, options: Record<string, string>): Promise<DuckDBInstance> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  return DuckDBInstance.create(file, options);
}

async function openFile(file: string, options: Record<string, string>): Promise<DuckDBInstance> {
  try {
    return await createInstance(file, options);
  } catch (error) {
    const message = messageOf(error);
    if (/lock on file/i.test(message)) {
      const holder = /PID (\d+)/.exec(message)?.[1];
      throw new FileLockedError(
        `opening "${file}": ${holder ? `process ${holder} has it open` : 'another process has it open'}; close it there, the run goes on by itself`, { file, holder: holder ?? null },
      );
    }
    throw new ConfigurationError(`opening "${file}" as a DuckDB database: ${message}`, { file });
  }
}

function sessionOn(connection: DuckDBConnection, signal: AbortSignal, scratch: () => string, asides: () => boolean): Session {
  async function interruptible<Result>(work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    const interrupt = () => connection.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw translated(error);
    } finally {
      signal.removeEventListener('abort', interrupt);
    }
  }
  const rows = (sql: string) => interruptible(async () => {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowObjectsJson().map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])));
  });
  return {
    run: (sql) => interruptible(async () => { await connection.run(sql); }),
    rows,
    async row(sql) {
      const [first] = await rows(sql);
      if (!first) throw new Error(`running a query that must give one row gave none: ${sql.slice(0, 200)}`);
      return first;
    },
    changed: (sql) => interruptible(async () => (await connection.run(sql)).rowsChanged),
    scratch, asides, signal,
  };
}

const textOf = (value: unknown): string | null =>
  value === null || value === undefined ? null : typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);

const messageOf = (error: unknown): string => (typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error));

/** A full disk or memory limit passes; anything else DuckDB says is told as it is, but without the row values it quotes. */
function translated(error: unknown): unknown {
  if (EtlError.is(error)) return error;
  const message = messageOf(error);
  if (/no space left|disk quota|max_temp_directory_size|failed to offload/i.test(message)) return new DiskFullError('running a DuckDB query: the disk is full; free space or raise MILLRACE_TEMP_LIMIT, then "millrace resume RUN"');
  if (/^Out of Memory/i.test(message)) return new WorkerShortError(`running a DuckDB query: the memory limit is too small for it; raise MILLRACE_MEMORY (${message.split('\n')[0]})`);
  const most = /Maximum line size of (\d+) bytes exceeded/.exec(message)?.[1];
  // The parallel reader stumbles over a line longer than its buffers with words of its own.
  if (most || /^Not implemented Error: The Parallel CSV Reader/.test(message)) return new UnreadableValueError(`running a DuckDB query: a record is longer than ${most ? `the ${most} bytes that are read at most` : 'can be read fast'}; leave it or its long column out of what is read, then "millrace resume RUN"`);
  // No attempt finds it: a run that tries again for ever would hide a mistyped name in a check or a step.
  const unknown = /^Binder Error: (Referenced (?:column|table) "[^"]*" not found)/.exec(message)?.[1];
  if (unknown) return new ConfigurationError(`running a DuckDB query: ${unknown} among the columns that the step or check may name; mend the pipeline and run it again`, { code: unknownName });
  const misfit = /^(Conversion|Invalid Input|Out of Range) Error: (.*)/.exec(message);
  if (misfit) return new UnreadableValueError(`running a DuckDB query: ${misfit[1]!.toLowerCase()} error: ${withoutValues(misfit[2]!)}; mend the values or the step, then "millrace resume RUN"`);
  return error;
}

/** DuckDB quotes the value it stumbled over; messages must not carry it. */
const withoutValues = (text: string): string => text.replace(/'[^']*'|"[^"]*"/g, '…').slice(0, 200);

/** Code of SQL for a name that no column has: among the facts of such an error, as databases give it. */
export const unknownName = '42703';

export const fileList = (paths: readonly string[]): string => `[${paths.map(quoteLiteral).join(', ')}]`;
