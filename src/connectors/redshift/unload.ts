import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Column } from '../../domain/column';
import type { Control } from '../../domain/control';
import { SourceHeldError } from '../../domain/errors';
import { readBuffer } from '../../formats/sql';
import { openObjectStore, type ObjectStore } from '../../stores/object-store';
import { fileList, type Engine, type Session } from '../../transforms/duckdb-engine';
import { quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { Redshift } from './client';
import { quoteIdentifier, quoteLiteral } from './quote';
import { roleSql } from './staging-places';

interface Unload {
  /** Quoted table. */
  readonly from: string;
  readonly label: string;
  readonly columns: readonly Column[];
  /** File that is filled, as a database's COPY prints rows. */
  readonly to: string;
}

interface UnloadManifest {
  readonly entries: readonly { readonly url: string; readonly meta?: { readonly record_count?: number } }[];
}

/** Redshift's slices write files side by side; they come here by name of the manifest, and its counts must be met. Returns the rows. */
export async function unload(redshift: Redshift, engine: Engine, request: Unload, control: Control): Promise<number> {
  const store = openObjectStore(redshift.config.staging, 'source');
  const folder = `unload/${randomUUID()}/`;
  const nullMark = `null ${randomUUID()}`;
  const query = `SELECT ${request.columns.map(printed).join(', ')} FROM ${request.from}`;
  const sql = `UNLOAD (${quoteLiteral(query)}) TO ${quoteLiteral(`${store.name}/${folder}`)} IAM_ROLE ${roleSql(redshift.config)} FORMAT AS CSV GZIP NULL AS ${quoteLiteral(nullMark)} MANIFEST VERBOSE MAXFILESIZE AS 256 MB`;
  try {
    await redshift.transaction({ doing: `unloading "${request.label}"`, steps: [{ sql }], signal: control.signal });
    const manifest = JSON.parse((await store.readText(`${folder}manifest`))?.text ?? '{"entries": []}') as UnloadManifest;
    return await engine.session(control.signal, (session) => bring(session, store, folder, manifest, { ...request, nullMark }, control));
  } finally {
    const left: string[] = [];
    for await (const { key } of store.list(folder)) left.push(key);
    await store.remove(left).catch(() => undefined);
    store.close();
  }
}

async function bring(session: Session, store: ObjectStore, folder: string, { entries }: UnloadManifest, { label, columns, to, nullMark }: Unload & { readonly nullMark: string }, control: Control): Promise<number> {
  const files: string[] = [];
  for (const { url } of entries) {
    const file = path.join(session.scratch(), `${files.length}.csv.gz`);
    await store.download(`${folder}${url.split('/').at(-1)!}`, file, { signal: control.signal, progress: (bytes) => control.progress({ bytes }) });
    files.push(file);
  }
  const types = columns.map((_column, index) => `c${index}: 'VARCHAR'`).join(', ');
  const from = files.length === 0 ? `(SELECT ${columns.map((_column, index) => `NULL AS c${index}`).join(', ')} LIMIT 0)`
    : `read_csv(${fileList(files)}, columns = {${types}}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = ${quoteDuckLiteral(nullMark)}, compression = 'gzip', ${readBuffer})`;
  const rows = await session.changed(`COPY (SELECT * FROM ${from}) TO ${quoteDuckLiteral(to)} (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)`);
  const told = entries.reduce((sum, { meta }) => sum + (meta?.record_count ?? 0), 0);
  if (rows !== told) throw new SourceHeldError(`reading "${label}": Redshift unloaded ${told} rows and ${rows} were found in its files; "millrace resume RUN" unloads them again`, { table: label });
  return rows;
}

/** As the reader of landing files wants it: bytes as \x and hex, instants as UTC without a zone, everything else as Redshift prints it. */
export function printed({ name, type, sourceType }: Column): string {
  const column = quoteIdentifier(name);
  if (sourceType?.type === 'super') return `JSON_SERIALIZE(${column})`;
  if (type === 'BLOB') return `CHR(92) || 'x' || LOWER(TO_HEX(${column}))`;
  if (type === 'BOOLEAN') return `CASE WHEN ${column} THEN 'true' WHEN NOT ${column} THEN 'false' END`;
  if (type === 'TIMESTAMP WITH TIME ZONE') return `CAST(${column} AT TIME ZONE 'UTC' AS VARCHAR)`;
  return type === 'VARCHAR' && !sourceType ? column : `CAST(${column} AS VARCHAR)`;
}
