import { createHash, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { positionColumn } from '../../domain/column';
import { DestinationHeldError } from '../../domain/errors';
import type { Control } from '../../domain/control';
import { stagesPosition } from '../../domain/pipeline';
import { openObjectStore, type ObjectStore } from '../../stores/object-store';
import { fileList, type Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { ConnectorContext, LoadRequest } from '../connector';
import type { RedshiftConfig } from './config';
import type { TableColumn } from './columns';
import { misfitsOfColumn, type ColumnMisfit } from './misfits';
import type { Names } from './names';
import { quoteLiteral } from './quote';
import { copyFormOf, type CopyForm } from './types';

/** What COPY is told: the manifest, and the text that stands for NULL. */
export interface StagedCopy {
  /** `s3://bucket/key` */
  readonly manifest: string;
  readonly nullMark: string;
}

/** Compressed bytes of Parquet per file: about as many of gzip CSV, of which one slice reads a file alone. */
const bytesPerFile = 64 * 1024 * 1024;

/** Where files of one stream's fence lie, under the prefix of the staging bucket. */
const homeOf = ({ workgroup, cluster, database, schema }: RedshiftConfig, names: Names): string =>
  `${createHash('sha256').update([workgroup ?? cluster, database, schema].join('\n')).digest('hex').slice(0, 16)}/${names.hash}`;

/** Of one claim. */
export const homeOfFence = (config: RedshiftConfig, names: Names, fence: number): string => `${homeOf(config, names)}/f${fence}`;

/** As COPY and UNLOAD name it. */
export const roleSql = ({ iam_role: role }: RedshiftConfig): string => (role === 'default' ? 'default' : quoteLiteral(role));

const folderOf = (config: RedshiftConfig, names: Names, { plan, batch }: LoadRequest): string =>
  `${homeOfFence(config, names, plan.fence)}/${createHash('sha256').update(batch.id).digest('hex').slice(0, 16)}`;

/** No value of any row is this text: it follows from the content's checksum. */
const nullMarkOf = ({ batch }: LoadRequest): string => `null ${createHash('sha256').update(`${batch.id}\n${batch.checksum}`).digest('hex').slice(0, 24)}`;

export interface CopyColumn {
  readonly name: string;
  readonly form: CopyForm;
  readonly misfits: readonly ColumnMisfit[];
}

export const copyColumnsOf = ({ batch }: LoadRequest, there: ReadonlyMap<string, TableColumn>): readonly CopyColumn[] =>
  batch.columns.map((column) => {
    const own = there.get(column.name.toLowerCase())!;
    return { name: column.name, form: copyFormOf(column, quoteDuck(column.name), own.type), misfits: misfitsOfColumn(column, own) };
  });

/** Staged Parquet as gzip CSV in the bucket. The first manifest wins: another attempt of the batch loads the same files. */
export async function stageForCopy(config: RedshiftConfig, names: Names, context: ConnectorContext, request: LoadRequest, columns: readonly CopyColumn[], control: Control): Promise<StagedCopy> {
  const store = openObjectStore(config.staging, 'destination');
  try {
    const manifest = `${folderOf(config, names, request)}/manifest.json`;
    if (!(await store.readText(manifest))) await context.engine.session(control.signal, (session) => bring(session, store, manifest, config, names, request, columns, control));
    return { manifest: `${store.name}/${manifest}`, nullMark: nullMarkOf(request) };
  } finally {
    store.close();
  }
}

async function bring(session: Session, store: ObjectStore, manifest: string, config: RedshiftConfig, names: Names, request: LoadRequest, columns: readonly CopyColumn[], control: Control): Promise<void> {
  await refuseMisfits(session, names, request, columns);
  const count = Math.max(config.files, Math.ceil(request.batch.bytes / bytesPerFile));
  const folder = path.posix.dirname(manifest);
  const attempt = randomUUID().slice(0, 13);
  const entries = [];
  for (let part = 0; part < count; part += 1) {
    const file = path.join(session.scratch(), `${part}.csv.gz`);
    await session.run(printSql(request, columns, file, { part, count }));
    const key = `${folder}/${attempt}-${part}.csv.gz`;
    const { size } = await stat(file);
    await store.upload(key, file, { signal: control.signal });
    control.progress({ bytes: size });
    entries.push({ url: `${store.name}/${key}`, mandatory: true, meta: { content_length: size } });
  }
  await store.createText(manifest, JSON.stringify({ entries }));
}

/** Text is always quoted, so that it is never taken for anything else; the position is the row's place in the batch. */
function printSql(request: LoadRequest, columns: readonly CopyColumn[], file: string, { part, count }: { readonly part: number; readonly count: number }): string {
  const { target, paths } = request;
  const place = stagesPosition(target.stream) ? quoteDuck(positionColumn) : 'row_number() OVER () - 1';
  const values = columns.map(({ name, form }) => `${form.printed} AS ${quoteDuck(name)}`);
  const quoted = columns.filter(({ form }) => form.staged.startsWith('varchar')).map(({ name }) => quoteDuck(name));
  const all = `SELECT ${[...values, `${place} AS ${quoteDuck(positionColumn)}`].join(', ')} FROM read_parquet(${fileList(paths)})`;
  const some = count === 1 ? all : `SELECT * FROM (${all}) WHERE ${quoteDuck(positionColumn)} % ${count} = ${part}`;
  return `COPY (${some}) TO ${quoteDuckLiteral(file)} (FORMAT csv, HEADER false, COMPRESSION gzip, NULLSTR ${quoteDuckLiteral(nullMarkOf(request))}${quoted.length > 0 ? `, FORCE_QUOTE (${quoted.join(', ')})` : ''})`;
}

/** Values that Redshift cannot hold are never altered: the batch is held, and the message says which column and what to do. */
async function refuseMisfits(session: Session, names: Names, { paths, batch }: LoadRequest, columns: readonly CopyColumn[]): Promise<void> {
  const rules = columns.flatMap(({ misfits }) => misfits);
  if (rules.length === 0 || paths.length === 0) return;
  const found = await session.row(`SELECT ${rules.map(({ when }, index) => `count(*) FILTER (WHERE ${when}) AS m${index}`).join(', ')} FROM read_parquet(${fileList(paths)})`);
  const faults = rules.flatMap(({ column, what }, index) => (found[`m${index}`] === '0' ? [] : [`"${column}" has ${found[`m${index}`]} values that are ${what}`]));
  if (faults.length === 0) return;
  throw new DestinationHeldError(`loading batch "${batch.id}" into "${names.label}": ${faults.join('; ')}, which the table cannot hold; change them in a step, widen the column, or set "misfits: quarantine" in the connection; nothing was loaded`, { batch: batch.id, target: names.label });
}

/** The null mark stands for NULL alone; dates and times are read in the form that DuckDB prints. */
export const copySql = (into: string, config: RedshiftConfig, columns: readonly string[], { manifest, nullMark }: StagedCopy): string =>
  `COPY ${into} (${columns.join(', ')}) FROM ${quoteLiteral(manifest)} IAM_ROLE ${roleSql(config)} FORMAT AS CSV GZIP MANIFEST NULL AS ${quoteLiteral(nullMark)} DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF`;

/** Files of fences up to `upTo`: nobody loads them any more. */
export async function removeStaged(config: RedshiftConfig, names: Names, upTo: number): Promise<void> {
  const store = openObjectStore(config.staging, 'destination');
  try {
    const home = homeOf(config, names);
    const old: string[] = [];
    for await (const { key } of store.list(`${home}/`)) if (Number(/\/f(\d+)\//.exec(key)?.[1] ?? Infinity) <= upTo) old.push(key);
    await store.remove(old);
  } finally {
    store.close();
  }
}

/** After a COPY that failed: the next attempt brings its own files. */
export async function removeBatch(config: RedshiftConfig, names: Names, request: LoadRequest): Promise<void> {
  const store = openObjectStore(config.staging, 'destination');
  try {
    const keys: string[] = [];
    for await (const { key } of store.list(`${folderOf(config, names, request)}/`)) keys.push(key);
    await store.remove(keys);
  } finally {
    store.close();
  }
}
