import { copyFile, open, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Column, StreamSchema } from '../../domain/column';
import { ConfigurationError, SourceHeldError } from '../../domain/errors';
import type { Json } from '../../domain/json';
import type { NamedOptions } from '../../domain/pipeline';
import type { FileRecord } from '../../domain/position';
import { formatForFile, formats } from '../../formats/registry';
import { quoteLiteral } from '../../transforms/quote';
import type { ConnectorContext, Landing, PlanRequest, Source } from '../connector';
import type { FilesConfig } from './config';

/** Rows looked at per file when types are inferred (semantics 4). */
const sampleRows = 100_000;

/** Local files: a path or a glob is a stream, a file is a partition, and it is read once. */
export async function openFilesSource(config: FilesConfig, context: ConnectorContext): Promise<Source> {
  const folder = path.resolve(context.baseFolder, config.path);
  const { engine } = context;
  const list = (pattern: string, signal: AbortSignal) => engine.session(signal, async (session) =>
    (await session.rows(`SELECT file FROM glob(${quoteLiteral(path.resolve(folder, pattern))}) ORDER BY file`)).map((row) => row['file']!));

  return {
    async check() {
      const found = await stat(folder).catch(() => null);
      return found?.isDirectory() ? { ok: true, messages: [`"${context.connection}": folder "${folder}"`] } : { ok: false, messages: [`"${context.connection}": there is no folder "${folder}"; correct "path" in connections.yaml`] };
    },
    discover: async () => discover(context, folder, await list('**', new AbortController().signal)),
    async plan(request, control) {
      const { stream } = request;
      const found = await list(stream.stream, control.signal);
      if (found.length === 0 && !(await stat(folder).catch(() => null))) throw new SourceHeldError(`planning stream "${stream.stream}": there is no folder "${folder}"; correct "path" in connections.yaml`);
      if (found.length === 0 && !/[*?[]/.test(stream.stream)) throw new SourceHeldError(`planning stream "${stream.stream}": there is no file "${path.join(folder, stream.stream)}"; put it there, then "millrace resume"`);
      const records = await Promise.all(found.map(async (file) => recordOf(folder, file)));
      const { fresh, reloads } = choose(request, records);
      const known = request.position?.state?.['columns'] as readonly Column[] | undefined;
      const columns = await inferAll(context, control.signal, stream, fresh.map((record) => path.join(folder, record.path)), known ?? []);
      return {
        columns, key: [], window: null,
        partitions: fresh.map((record, ordinal) => ({ ordinal, label: record.path, detail: record as unknown as Json, estimatedRows: null })),
        position: { cursor: null, state: { columns: columns as unknown as Json } },
        files: stream.mode === 'incremental' ? fresh : [], reloads,
        notes: stream.mode === 'incremental' && fresh.length === 0 ? [`nothing new: all ${found.length} files have been read`] : [],
      };
    },
    async read({ stream, partition }, landing, control) {
      const planned = partition.detail as unknown as FileRecord;
      const file = path.join(folder, planned.path);
      await refuseChanged(folder, file, planned);
      const place = await landing.create(path.basename(file).split('.').slice(1).join('.') || 'data');
      await copyFile(file, place.path);
      await refuseChanged(folder, file, planned);
      control.progress({ bytes: planned.size });
      const { format, options } = formatForFile(file, stream.sourceFormat);
      const rows = await engine.session(control.signal, (session) => format.count(session, place.path, options));
      return [await landing.seal(place.key, { rows, format: { name: format.name, options }, origin: planned.path })];
    },
    async sample({ stream }, landing, control) {
      const found = await list(stream.stream, control.signal);
      if (found.length === 0) throw new SourceHeldError(`reading "${stream.stream}": there is no such file in "${folder}"; put it there or correct "stream"`);
      const file = found[0]!;
      const { format, options } = formatForFile(file, stream.sourceFormat);
      const path = format.cutsAtLines ? await headOf(file, landing) : file;
      const columns = await inferAll(context, control.signal, stream, [path], []);
      return { columns, files: [{ path, format: { name: format.name, options: options as NamedOptions['options'] }, origin: file.slice(folder.length + 1) }] };
    },
    close: async () => undefined,
  };
}

async function recordOf(folder: string, file: string): Promise<FileRecord> {
  const found = await stat(file, { bigint: true });
  return { path: path.relative(folder, file), size: Number(found.size), version: String(found.mtimeNs) };
}

/** All files in full mode; else those not yet recorded, and changed ones as `changed_file` says. */
function choose({ stream, files }: PlanRequest, records: readonly FileRecord[]): { readonly fresh: readonly FileRecord[]; readonly reloads: readonly string[] } {
  if (stream.mode === 'full') return { fresh: records, reloads: [] };
  const known = new Map(files.map((file) => [file.path, file]));
  const changed = records.filter((record) => known.has(record.path) && (known.get(record.path)!.size !== record.size || known.get(record.path)!.version !== record.version));
  const policy = stream.changedFile ?? (stream.write === 'append' ? 'fail' : 'reload');
  if (changed.length > 0 && policy === 'fail') throw new SourceHeldError(`planning stream "${stream.stream}": "${changed[0]!.path}" changed after it was loaded; set changed_file: reload to take its earlier rows away and load it again, or ignore`, { files: changed.map((record) => record.path) });
  const again = policy === 'reload' ? changed : [];
  return { fresh: [...records.filter((record) => !known.has(record.path)), ...again].sort((left, right) => (left.path < right.path ? -1 : 1)), reloads: again.map((record) => record.path) };
}

/** Types are inferred once and kept with the checkpoint; a later file may only add columns. */
async function inferAll(context: ConnectorContext, signal: AbortSignal, stream: PlanRequest['stream'], files: readonly string[], known: readonly Column[]): Promise<readonly Column[]> {
  const columns = new Map(known.map((column) => [column.name, column]));
  for (const file of files) {
    const { format, options } = formatForFile(file, stream.sourceFormat);
    const found = await context.engine.session(signal, (session) => format.infer(session, file, options, sampleRows));
    for (const column of found) columns.set(column.name, merged(columns.get(column.name), column, known.some(({ name }) => name === column.name)));
  }
  const unknown = Object.keys(stream.types).find((name) => columns.size > 0 && !columns.has(name));
  if (unknown) throw new ConfigurationError(`planning stream "${stream.stream}": "types" names a column "${unknown}" that the files do not have: ${[...columns.keys()].join(', ')}`);
  return [...columns.values()].map((column) => ({ ...column, type: stream.types[column.name] ?? column.type }));
}

const merged = (before: Column | undefined, now: Column, pinned: boolean): Column =>
  !before ? now : pinned || before.type === now.type ? before : { ...before, type: widest(before.type, now.type) };

const widest = (left: string, right: string): string => {
  const numbers = ['BIGINT', 'DOUBLE'];
  return numbers.includes(left) && numbers.includes(right) ? 'DOUBLE' : 'VARCHAR';
};

async function refuseChanged(folder: string, file: string, planned: FileRecord): Promise<void> {
  const now = await recordOf(folder, file).catch(() => null);
  const problem = !now ? 'has vanished' : now.size < planned.size ? 'has shrunk' : now.size !== planned.size || now.version !== planned.version ? 'has changed' : null;
  if (problem) throw new SourceHeldError(`reading "${planned.path}": it ${problem} since the run was planned; put it back as it was and "millrace resume", or cancel and run the pipeline again`, { file: planned.path });
}

const mostFiles = 200;

/** Files whose ending tells their format, each with the columns that its first records show. */
async function discover(context: ConnectorContext, folder: string, files: readonly string[]): Promise<readonly StreamSchema[]> {
  const known = files.filter((file) => formats.some(({ extensions }) => extensions.includes(path.extname(file.replace(/\.(gz|zst)$/i, '')).slice(1).toLowerCase())));
  return Promise.all(known.slice(0, mostFiles).map(async (file) => {
    const { format, options } = formatForFile(file);
    const columns = await context.engine.session(new AbortController().signal, (session) => format.infer(session, file, options, 1000)).catch(() => []);
    return { stream: path.relative(folder, file), columns, key: [] };
  }));
}

const headBytes = 4 << 20;

/** The file itself while it is small or compressed, else its first lines. */
async function headOf(file: string, landing: Pick<Landing, 'create'>): Promise<string> {
  if ((await stat(file)).size <= headBytes || /\.(gz|zst)$/i.test(file)) return file;
  const place = await landing.create(path.basename(file).split('.').slice(1).join('.') || 'data');
  const opened = await open(file);
  try {
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const end = buffer.lastIndexOf(0x0a, bytesRead - 1);
    await writeFile(place.path, buffer.subarray(0, end < 0 ? bytesRead : end + 1));
    return place.path;
  } finally {
    await opened.close();
  }
}
