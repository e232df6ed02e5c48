import { createHash, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Control } from '../../domain/control';
import { DestinationHeldError } from '../../domain/errors';
import { openObjectStore, type ObjectStore } from '../../stores/object-store';
import { fileList, type Session } from '../../transforms/duckdb-engine';
import type { ConnectorContext, LoadRequest } from '../connector';
import { filesFor, placeColumn, printSql, type CopyColumn, type StagedCopy } from './copy-files';
import type { Names } from './names';
import type { RedshiftConfig } from './config';
import { homeOfBatch } from './staging-places';

/** What loads a batch: where it comes from, as what, and where to. */
export interface Loading {
  readonly config: RedshiftConfig;
  readonly names: Names;
  readonly context: ConnectorContext;
  readonly request: LoadRequest;
  readonly columns: readonly CopyColumn[];
  readonly control: Control;
}

/** Rows of a batch that COPY refuses though nothing here foresaw it: set aside with what the system table says of them. */
export interface Refused {
  readonly rows: number;
  /** Numbers of the rows in the batch, from 0. */
  readonly places: readonly number[];
  /** Of these rows; null: the batch's rows are only counted. */
  readonly fingerprint: string | null;
  /** Key of a Parquet file in the staging bucket with the rows as quarantine has them. */
  readonly key: string;
}

/** No value of any row is this text: it follows from the content's checksum. */
export const nullMarkOf = ({ batch }: LoadRequest): string => `null ${createHash('sha256').update(`${batch.id}\n${batch.checksum}`).digest('hex').slice(0, 24)}`;

export const folderOf = ({ config, names, request: { plan, batch } }: Pick<Loading, 'config' | 'names' | 'request'>): string => homeOfBatch(config, names, plan.fence, batch.id);

/** Staged Parquet as files for COPY in the bucket. The first manifest wins: another attempt of the batch loads the same files. */
export async function stageForCopy(loading: Loading, refused: Refused | null): Promise<StagedCopy> {
  const { config, context, request, control } = loading;
  const store = openObjectStore(config.staging, 'destination');
  try {
    const folder = `${folderOf(loading)}${refused ? '/again' : ''}`;
    const manifest = `${folder}/manifest.json`;
    if (!(await store.readText(manifest))) await context.engine.session(control.signal, (session) => bring(session, store, folder, loading, refused));
    return { manifest: `${store.name}/${manifest}`, nullMark: nullMarkOf(request) };
  } finally {
    store.close();
  }
}

async function bring(session: Session, store: ObjectStore, folder: string, loading: Loading, refused: Refused | null): Promise<void> {
  const { config, request, columns, control } = loading;
  if (!refused) await refuseMisfits(session, loading);
  const count = filesFor(request.batch.bytes, config.files);
  const attempt = randomUUID().slice(0, 13);
  const others = refused ? ` AND ${placeColumn} NOT IN (${refused.places.join(', ')})` : '';
  const entries = [];
  for (let part = 0; part < count; part += 1) {
    const file = path.join(session.scratch(), `${part}.data`);
    await session.run(printSql(request, columns, file, { format: config.format, nullMark: nullMarkOf(request), where: `${placeColumn} % ${count} = ${part}${others}` }));
    entries.push(await uploaded(store, `${folder}/${attempt}-${part}.${config.format === 'parquet' ? 'parquet' : 'csv.gz'}`, file, control));
  }
  await store.createText(`${folder}/manifest.json`, JSON.stringify({ entries }));
}

/** An entry of a manifest: COPY ends where the file is missing or has another length. */
export async function uploaded(store: ObjectStore, key: string, file: string, control: Control): Promise<{ readonly url: string; readonly mandatory: true; readonly meta: { readonly content_length: number } }> {
  const { size } = await stat(file);
  await store.upload(key, file, { signal: control.signal });
  control.progress({ bytes: size });
  return { url: `${store.name}/${key}`, mandatory: true, meta: { content_length: size } };
}

/** Values that Redshift cannot hold are never altered: the batch is held, and the message says which column and what to do. */
async function refuseMisfits(session: Session, { names, request: { paths, batch }, columns }: Loading): Promise<void> {
  const rules = columns.flatMap(({ misfits }) => misfits);
  if (rules.length === 0 || paths.length === 0) return;
  const found = await session.row(`SELECT ${rules.map(({ when }, index) => `count(*) FILTER (WHERE ${when}) AS m${index}`).join(', ')} FROM read_parquet(${fileList(paths)})`);
  const faults = rules.flatMap(({ column, what }, index) => (found[`m${index}`] === '0' ? [] : [`"${column}" has ${found[`m${index}`]} values that are ${what}`]));
  if (faults.length === 0) return;
  throw new DestinationHeldError(`loading batch "${batch.id}" into "${names.label}": ${faults.join('; ')}, which the table cannot hold; change them in a step, widen the column, or set "misfits: quarantine" in the connection; nothing was loaded`, { batch: batch.id, target: names.label });
}
