import { existsSync } from 'node:fs';
import { batchColumn } from '../../domain/column';
import { missingBatch, type BatchAudit, type TableAudit } from '../../domain/audit';
import type { Control } from '../../domain/control';
import { figuresOf, figuresSql, noFigures, proofOfText, type Figures, type PlacedColumn, type ProofColumn } from '../../domain/fingerprint';
import type { LedgerEntry } from '../../domain/ledger';
import { formatNamed } from '../../formats/registry';
import { fileList, type Engine, type Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier } from '../../transforms/quote';
import type { VerifyRequest } from '../connector';
import { targetFormatOf } from './batch-files';
import { displacedBy } from './displaced';
import { openCopies, type Copies } from './local-copies';
import { liveFiles, manifestPlace, mergedFiles, readManifest, tableFiles } from './manifest';
import type { BatchManifest, Head, MergedFile, TableFile, TableStore } from './table-store';

/** Manifests are the ledger, notes say who took files away, and the files are the rows. */
export async function verifyTable(store: TableStore, engine: Engine, request: VerifyRequest, control: Control): Promise<TableAudit> {
  for (let times = 1; ; times += 1) {
    const head = await store.readHead();
    if (!head) return { exists: false, batches: request.batchIds.map(missingBatch), strangers: null, whole: null };
    const found = await auditTable(store, engine, request, head, control);
    // What a publish or a merging takes out meanwhile must not look like a loss: then the table is looked at anew.
    const suspicious = (found.strangers?.rows ?? 0) > 0 || found.batches.some(({ state, problem }) => state === 'missing' || problem !== null);
    if (!suspicious || times === 3 || (await store.readHead())?.number === head.number) return found;
  }
}

async function auditTable(store: TableStore, engine: Engine, request: VerifyRequest, head: Head, control: Control): Promise<TableAudit> {
  const merged = await mergedFiles(store, head, true);
  const copies = openCopies(store, control.signal);
  const known = new Map<string, Promise<boolean>>();
  const intactOnce = (file: TableFile): Promise<boolean> => known.get(file.path) ?? known.set(file.path, store.isIntact(file)).get(file.path)!;
  const batches: BatchAudit[] = [];
  try {
    for (const id of request.batchIds) {
      const place = await placeOf(store, head, id);
      const manifest = place === null ? null : await readManifest(store, place);
      batches.push(place === null || manifest === null ? missingBatch(id) : await audit({ store, engine, request, head, merged, copies, intactOnce, control }, place, manifest));
    }
  } finally {
    await copies.close();
  }
  return { exists: true, batches, strangers: request.strangers ? { unit: 'files', rows: await strangeFiles(store, head), expected: 0 } : null, whole: null };
}

/** What the ledger says of batches; one that was replaced since was published. */
export async function ledgerOf(store: TableStore, batchIds: readonly string[]): Promise<readonly LedgerEntry[]> {
  const head = await store.readHead();
  const found: LedgerEntry[] = [];
  for (const id of head ? batchIds : []) {
    const place = await placeOf(store, head!, id);
    const manifest = place === null ? null : await readManifest(store, place);
    if (!manifest) continue;
    const { number, run, rows, checksum } = manifest;
    found.push({ batchNumber: number, batchId: id, run, stream: head!.stream, rows, checksum, state: 'published', committedAt: null, publishedAt: null });
  }
  return found;
}

/** Of a batch that is still named, else of one that was published and replaced since. */
async function placeOf(store: TableStore, head: Head, id: string): Promise<string | null> {
  const named = head.batches.find((place) => place.endsWith(manifestPlace(id, 0).slice('_millrace/f0'.length)));
  if (named) return named;
  for (const fence of [...await store.fences()].sort((left, right) => right - left)) {
    const place = manifestPlace(id, fence);
    if ((await displacedBy(store, place)).length > 0) return place;
  }
  return null;
}

interface Auditing {
  readonly store: TableStore;
  readonly engine: Engine;
  readonly request: VerifyRequest;
  readonly head: Head;
  readonly merged: readonly MergedFile[];
  readonly copies: Copies;
  /** `isIntact`, asked once per file. */
  readonly intactOnce: (file: TableFile) => Promise<boolean>;
  readonly control: Control;
}

async function audit({ store, engine, request, head, merged, copies, intactOnce, control }: Auditing, place: string, manifest: BatchManifest): Promise<BatchAudit> {
  const named = head.batches.includes(place);
  const files = named ? liveFiles(head, place, manifest) : [];
  const shared = named ? merged.filter(({ parts }) => parts.some((part) => part.place === place)) : [];
  const all = [...files, ...shared.map(({ file }) => file)];
  const proof = request.level === 'rows' && manifest.proof !== null ? proofOfText(manifest.proof) : [];
  const there = await those(all, (file) => isThere(store, file));
  // A batch's fingerprint says nothing of formats without types, nor of the files that are left of it.
  const comparable = proof.length > 0 && rowsHere(files, shared, place) === manifest.rows;
  const own = there.filter((file) => files.includes(file));
  // What a merged file holds of others shows in no figures of this batch, so its bytes tell.
  const intact = await those(there, (file) => (!own.includes(file) ? intactOnce(file) : comparable || request.level === 'counts' ? Promise.resolve(true) : store.isIntact(file)));
  const read = (paths: readonly string[], merging: readonly string[]) => engine.session(control.signal, (session) => measured(session, request, manifest, { paths, merging }, proof));
  const found = await copies.use(own, there.filter((file) => !files.includes(file)), read).catch(() => null);
  return {
    id: manifest.batchId, state: 'published', rows: manifest.rows, fingerprint: manifest.fingerprint, found,
    displaced: (await displacedBy(store, place)).map(({ run, rows }) => ({ run, rows, fingerprint: null })),
    problem: there.length < all.length ? `${all.length - there.length} of its ${all.length} files are gone${store.localPath(all[0]!) === null ? ' or have been exchanged' : ''}`
      : intact.length < there.length ? `${there.length - intact.length} of its ${all.length} files were changed` : found === null ? 'a file of it cannot be read' : null,
  };
}

const rowsHere = (files: readonly TableFile[], shared: readonly MergedFile[], place: string): number =>
  [...files, ...shared.flatMap(({ parts }) => parts.filter((part) => part.place === place))].reduce((sum, { rows }) => sum + rows, 0);

const those = async (files: readonly TableFile[], are: (file: TableFile) => Promise<boolean>): Promise<readonly TableFile[]> =>
  (await Promise.all(files.map(async (file) => ((await are(file)) ? [file] : [])))).flat();

/** A local file that was changed is read, and its figures tell what is wrong; of an object another version is another file. */
async function isThere(store: TableStore, file: TableFile): Promise<boolean> {
  const local = store.localPath(file);
  return local === null ? store.isIntact(file) : existsSync(local);
}

interface Read {
  readonly paths: readonly string[];
  /** Files that hold rows of other batches too. */
  readonly merging: readonly string[];
}

async function measured(session: Session, { target }: VerifyRequest, manifest: BatchManifest, { paths, merging }: Read, proof: readonly ProofColumn[]): Promise<Figures> {
  if (proof.length === 0) {
    const { name, options } = targetFormatOf(target);
    let rows = 0;
    for (const file of paths) rows += await formatNamed(name).count(session, file, options);
    if (merging.length > 0) rows += Number((await session.row(`SELECT CAST(count(*) AS VARCHAR) AS n FROM ${ownRows(merging, manifest)}`))['n']);
    // Of files that keep no types the rows are counted; their bytes tell the rest.
    return { rows, fingerprint: rows === 0 ? '0' : manifest.fingerprint ?? '0', columns: [] };
  }
  if (paths.length + merging.length === 0) return noFigures(proof);
  // A folder's name must not pass for the column of that name, which the files hold in its own type.
  const parts = [...(paths.length > 0 ? [`SELECT * FROM read_parquet(${fileList(paths)}, hive_partitioning = false)`] : []), ...(merging.length > 0 ? [`SELECT * FROM ${ownRows(merging, manifest)}`] : [])];
  const from = `(${parts.join(' UNION ALL BY NAME ')})`;
  const types = new Map((await session.rows(`DESCRIBE SELECT * FROM ${from}`)).map((row) => [row['column_name']!, row['column_type']!]));
  const columns = proof.map((column): PlacedColumn => ({ ...column, sql: quoteIdentifier(column.name), type: types.get(column.name)! }));
  return figuresOf(await session.row(`SELECT ${figuresSql('duckdb', columns)} FROM ${from}`), proof);
}

const ownRows = (merging: readonly string[], { number }: BatchManifest): string =>
  `(SELECT * FROM read_parquet(${fileList(merging)}, union_by_name = true, hive_partitioning = false) WHERE ${quoteIdentifier(batchColumn)} = ${number}::BIGINT)`;

/** Data files that a reader of the folder would meet and no batch has. */
async function strangeFiles(store: TableStore, head: Head): Promise<number> {
  const known = new Set((await tableFiles(store, head, true)).map((file) => file.path));
  return (await store.dataFiles()).filter((file) => !known.has(file)).length;
}
