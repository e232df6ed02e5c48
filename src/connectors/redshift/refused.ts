import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fingerprintSql } from '../../domain/fingerprint';
import { DestinationHeldError } from '../../domain/errors';
import { openObjectStore, type ObjectStore } from '../../stores/object-store';
import type { Session } from '../../transforms/duckdb-engine';
import { placedInDuckdb } from '../../transforms/proof';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { Redshift, TextRow } from './client';
import { copySql, numberedRows, placeColumn, positionOfRow, printSql, stage, stageColumns, stageSql } from './copy-files';
import { rowErrors, type RowError } from './load-errors';
import type { Names } from './names';
import { quoteLiteral } from './quote';
import { homeOfBatch } from './staging-places';
import { folderOf, nullMarkOf, uploaded, type Loading, type Refused } from './staged-files';

/** More in one batch is no matter of rows. */
export const mostRefused = 1000;

const recordOf = (folder: string): string => `${folder}/again/refused.json`;

export async function readRefused(store: Pick<ObjectStore, 'readText'>, folder: string): Promise<Refused | null> {
  const found = await store.readText(recordOf(folder));
  return found && (JSON.parse(found.text) as Refused);
}

export async function findRefused(loading: Loading): Promise<Refused | null> {
  const store = openObjectStore(loading.config.staging, 'destination');
  try {
    return await readRefused(store, folderOf(loading));
  } finally {
    store.close();
  }
}

/** Of the batches of a fence that are loaded and not published. */
export async function refusedOf(redshift: Redshift, names: Names, fence: number, ledger: readonly TextRow[]): Promise<readonly Refused[]> {
  const rows = await redshift.rows(`SELECT CAST(batch_number AS VARCHAR) AS n FROM ${names.displaced} WHERE target = ${quoteLiteral(names.label)} AND run = ${quoteLiteral(names.holder)}`);
  const numbers = new Set(rows.map((row) => row['n']));
  const store = openObjectStore(redshift.config.staging, 'destination');
  try {
    const found = await Promise.all(ledger.filter((row) => numbers.has(row['n']!)).map((row) => readRefused(store, homeOfBatch(redshift.config, names, fence, row['batch_id']!))));
    return found.map((refused) => {
      if (refused === null) throw new DestinationHeldError(`publishing to "${names.label}": the record of rows that COPY refused is gone from the staging bucket; nothing was published: start a new run`, { target: names.label });
      return refused;
    });
  } finally {
    store.close();
  }
}

/** After a COPY that refused rows: which ones, into a file of their own. The first record wins. Null: none was found. */
export async function setRefusedAside(redshift: Redshift, loading: Loading): Promise<Refused | null> {
  const { config, context, control } = loading;
  const store = openObjectStore(config.staging, 'destination');
  const folder = folderOf(loading);
  const manifest = `${folder}/again/${randomUUID().slice(0, 13)}-looked-at`;
  try {
    await context.engine.session(control.signal, (session) => bringPlain(session, store, manifest, loading));
    const errors = await rowsRefused(redshift, loading, `${store.name}/${manifest}.json`);
    if (errors.length === 0) return null;
    const own = await context.engine.session(control.signal, (session) => recordRows(session, store, `${folder}/again/${randomUUID().slice(0, 13)}.parquet`, loading, errors));
    await store.createText(recordOf(folder), JSON.stringify(own));
    return await readRefused(store, folder);
  } finally {
    store.close();
  }
}

/** The batch with a line for each row: what breaks a line inside a text is a space here, so that the number of a line is that of its row. It is looked at and not loaded. */
async function bringPlain(session: Session, store: ObjectStore, name: string, { request, columns, control }: Loading): Promise<void> {
  const file = path.join(session.scratch(), 'plain.csv.gz');
  const plain = columns.map(({ form, ...column }) => ({ ...column, form: { ...form, printed: form.staged.startsWith('varchar') ? `translate(${form.printed}, chr(10) || chr(13), '  ')` : form.printed } }));
  await session.run(printSql(request, plain, file, { format: 'csv', nullMark: nullMarkOf(request), where: 'true', ordered: true }));
  await store.createText(`${name}.json`, JSON.stringify({ entries: [await uploaded(store, `${name}.csv.gz`, file, control)] }));
}

async function rowsRefused(redshift: Redshift, { config, names, request, columns, control }: Loading, manifest: string): Promise<readonly RowError[]> {
  const look = `${copySql(stage, config, stageColumns(columns), { manifest, nullMark: nullMarkOf(request) })} MAXERROR ${mostRefused} NOLOAD`;
  const queries = await redshift.transaction({ doing: `looking for the rows of batch "${request.batch.id}" that COPY into "${names.label}" refuses`, steps: [{ sql: stageSql(columns) }, { sql: look }], signal: control.signal });
  return rowErrors(redshift, queries[1]!, mostRefused);
}

async function recordRows(session: Session, store: ObjectStore, key: string, { names, request, control }: Loading, errors: readonly RowError[]): Promise<Refused> {
  const { plan, batch, paths } = request;
  const reasons = new Map<number, RowError[]>();
  for (const error of errors) reasons.set(error.row, [...reasons.get(error.row) ?? [], error]);
  const list = [...reasons].map(([row, found]) => `(${row}, ${quoteDuckLiteral(JSON.stringify(found.map(({ column, reason }) => ({ column, reason }))))})`);
  await session.run(`CREATE TEMP TABLE refused AS SELECT r.*, f.reasons AS _millrace_reasons FROM ${numberedRows(paths)} r JOIN (VALUES ${list.join(', ')}) f (place, reasons) ON f.place = r.${placeColumn}`);
  const raw = batch.columns.map(({ name }) => `${quoteDuckLiteral(name)}, CAST(${quoteDuck(name)} AS VARCHAR)`).join(', ');
  const file = path.join(session.scratch(), 'refused.parquet');
  const rows = await session.changed(
    `COPY (SELECT CAST(${positionOfRow(request)} AS BIGINT) AS position, 'load' AS step, _millrace_reasons AS reasons, CAST(json_object(${raw}) AS VARCHAR) AS raw, ${quoteDuckLiteral(names.label)} AS origin, CAST(NULL AS BIGINT) AS line, true AS derived FROM refused ORDER BY ${placeColumn}) ` +
    `TO ${quoteDuckLiteral(file)} (FORMAT parquet, COMPRESSION zstd)`);
  await store.upload(key, file, { signal: control.signal });
  const proof = plan.proof ? await session.row(`SELECT CAST(${fingerprintSql('duckdb', placedInDuckdb(plan.proof.columns, batch.columns))} AS VARCHAR) AS fingerprint FROM refused`) : null;
  return { rows, places: [...reasons.keys()], fingerprint: proof?.['fingerprint'] ?? null, key };
}
