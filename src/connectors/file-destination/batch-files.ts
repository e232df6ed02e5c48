import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { batchColumn } from '../../domain/column';
import { pathTime } from '../../domain/ids';
import { formatNamed } from '../../formats/registry';
import { checksumOf } from '../../stores/checksum';
import { fileList, type Engine, type Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier, quoteList, quoteLiteral } from '../../transforms/quote';
import type { LoadRequest, Target } from '../connector';
import type { NewFile, TableStore } from './table-store';

export interface BatchFiles {
  readonly files: readonly NewFile[];
  readonly rows: number;
  /** Takes away what was only on the way. */
  discard(): Promise<void>;
}

/** Where the files of a run lie in the table: a run that replaces writes beside what it replaces. */
const homeOf = ({ stream, run }: Target, fence: number): string => (stream.write === 'replace' ? `run=${pathTime(run.logicalDate)}-f${fence}` : '');

export const targetFormatOf = ({ stream }: Target) => stream.targetFormat ?? { name: 'parquet', options: {} };

/** The staged files as they are: they carry the lineage already. */
export async function stagedFiles({ target, plan, batch, paths }: LoadRequest, number: string, engine: Engine, signal: AbortSignal): Promise<BatchFiles> {
  const files: NewFile[] = [];
  for (const [index, local] of paths.entries()) {
    const rows = await engine.session(signal, (session) => formatNamed('parquet').count(session, local, {}));
    const { bytes, checksum } = batch.files[index]!;
    if (rows > 0) files.push({ local, rows, bytes, checksum, values: {}, path: path.join(homeOf(target, plan.fence), nameOf(number, index, checksum, 'parquet')) });
  }
  return { files, rows: files.reduce((sum, { rows }) => sum + rows, 0), discard: async () => undefined };
}

/** The rows in the table's own format, folders and sizes. */
export async function writtenFiles(request: LoadRequest, number: string, store: TableStore, engine: Engine, signal: AbortSignal): Promise<BatchFiles> {
  if (request.batch.rows === 0) return { files: [], rows: 0, discard: async () => undefined };
  const scratch = await store.scratch();
  const discard = () => rm(scratch, { recursive: true, force: true });
  try {
    const { name, options } = targetFormatOf(request.target);
    const ending = endingOf(name, options);
    return await engine.session(signal, async (session) => {
      const rows = await session.changed(copySql(request, number, scratch));
      const found = (await readdir(scratch, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).sort();
      const files: NewFile[] = [];
      for (const [index, local] of found.entries()) files.push(await describe(session, request, { local, inside: path.dirname(path.relative(scratch, local)), number, index, ending, name, options }));
      return { files, rows, discard };
    });
  } catch (error) {
    await discard();
    throw error;
  }
}

function copySql({ target, batch, paths }: LoadRequest, number: string, folder: string): string {
  const { stream } = target;
  const { name, options } = targetFormatOf(target);
  const lineage = stream.lineage ? `, CAST(${number} AS BIGINT) AS ${quoteIdentifier(batchColumn)}` : '';
  const { writtenAs } = formatNamed(name);
  const columns = batch.columns.map((column) => (writtenAs ? `${writtenAs(column, quoteIdentifier(column.name))} AS ${quoteIdentifier(column.name)}` : quoteIdentifier(column.name))).join(', ');
  const select = `SELECT ${columns}${lineage} FROM read_parquet(${fileList(paths)})`;
  const layout = stream.partitionBy.length > 0 ? `PARTITION_BY (${quoteList(stream.partitionBy)}), WRITE_PARTITION_COLUMNS true`
    : stream.fileSize !== undefined ? `FILE_SIZE_BYTES ${stream.fileSize}` : 'PER_THREAD_OUTPUT true';
  return `COPY (${select}) TO ${quoteLiteral(folder)} (${formatNamed(name).copyOptions!(options)}, ${layout}, OVERWRITE_OR_IGNORE)`;
}

interface Found {
  readonly local: string;
  /** Folder below the scratch folder: `month=2026-01-01`. */
  readonly inside: string;
  readonly number: string;
  readonly index: number;
  readonly ending: string;
  readonly name: string;
  readonly options: unknown;
}

async function describe(session: Session, { target, plan }: LoadRequest, { local, inside, number, index, ending, name, options }: Found): Promise<NewFile> {
  const checksum = await checksumOf(local);
  return {
    local, checksum, bytes: (await stat(local)).size,
    rows: await formatNamed(name).count(session, local, options),
    path: path.join(homeOf(target, plan.fence), inside, nameOf(number, index, checksum, ending)),
    values: Object.fromEntries(inside.split('/').filter((part) => part.includes('=')).map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)])),
  };
}

/** `csv.gz`: readers tell a compression by it. Parquet compresses inside. */
function endingOf(name: string, options: Readonly<Record<string, unknown>>): string {
  const compressed = name === 'parquet' ? '' : { gzip: '.gz', zstd: '.zst' }[String(options['compression'])] ?? '';
  return `${formatNamed(name).extensions[0]!}${compressed}`;
}

/** Named by content, so that an attempt that comes again finds what it brought before. */
const nameOf = (number: string, index: number, checksum: string, ending: string): string => `b${number}-${index}-${checksum}.${ending}`;
