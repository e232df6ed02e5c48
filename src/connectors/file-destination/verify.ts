import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
import { liveFiles, manifestPlace, readManifest } from './manifest';
import type { BatchManifest, Head, TableFile, TableStore } from './table-store';

/** Manifests are the ledger, notes say who took files away, and the files are the rows. */
export async function verifyTable(store: TableStore, engine: Engine, request: VerifyRequest, control: Control): Promise<TableAudit> {
  const head = await store.readHead();
  if (!head) return { exists: false, batches: request.batchIds.map(missingBatch), strangers: null, whole: null };
  const batches: BatchAudit[] = [];
  for (const id of request.batchIds) {
    const place = await placeOf(store, head, id);
    const manifest = place === null ? null : await readManifest(store, place);
    batches.push(place === null || manifest === null ? missingBatch(id) : await audit(store, engine, request, head, place, manifest, control));
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

async function audit(store: TableStore, engine: Engine, request: VerifyRequest, head: Head, place: string, manifest: BatchManifest, control: Control): Promise<BatchAudit> {
  const files = head.batches.includes(place) ? liveFiles(head, place, manifest) : [];
  const proof = request.level === 'rows' && manifest.proof !== null ? proofOfText(manifest.proof) : [];
  const there = await those(files, (file) => isThere(store, file));
  // A batch's fingerprint says nothing of formats without types, nor of the files that are left of it.
  const comparable = proof.length > 0 && files.length === manifest.files.length;
  const intact = comparable || request.level === 'counts' ? there : await those(there, (file) => store.isIntact(file));
  const found = await withLocal(store, there, control.signal, (paths) => engine.session(control.signal, (session) => measured(session, request, manifest, paths, proof))).catch(() => null);
  return {
    id: manifest.batchId, state: 'published', rows: manifest.rows, fingerprint: manifest.fingerprint, found,
    displaced: (await displacedBy(store, place)).map(({ run, rows }) => ({ run, rows, fingerprint: null })),
    problem: there.length < files.length ? `${files.length - there.length} of its ${files.length} files are gone${store.localPath(files[0]!) === null ? ' or have been exchanged' : ''}`
      : intact.length < there.length ? `${there.length - intact.length} of its ${files.length} files were changed` : found === null ? 'a file of it cannot be read' : null,
  };
}

const those = async (files: readonly TableFile[], are: (file: TableFile) => Promise<boolean>): Promise<readonly TableFile[]> =>
  (await Promise.all(files.map(async (file) => ((await are(file)) ? [file] : [])))).flat();

/** A local file that was changed is read, and its figures tell what is wrong; of an object another version is another file. */
async function isThere(store: TableStore, file: TableFile): Promise<boolean> {
  const local = store.localPath(file);
  return local === null ? store.isIntact(file) : existsSync(local);
}

/** Files where this process can read them; downloads are removed after the work. */
async function withLocal<Result>(store: TableStore, files: readonly TableFile[], signal: AbortSignal, work: (paths: readonly string[]) => Promise<Result>): Promise<Result> {
  const local = files.map((file) => store.localPath(file));
  if (local.every((one) => one !== null)) return work(local);
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-verify-'));
  try {
    const paths = files.map((file, index) => path.join(folder, `${index}${path.extname(file.path)}`));
    for (const [index, file] of files.entries()) await store.download(file, paths[index]!, signal);
    return await work(paths);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(session: Session, { target }: VerifyRequest, manifest: BatchManifest, paths: readonly string[], proof: readonly ProofColumn[]): Promise<Figures> {
  if (proof.length === 0) {
    const { name, options } = targetFormatOf(target);
    let rows = 0;
    for (const file of paths) rows += await formatNamed(name).count(session, file, options);
    // Of files that keep no types the rows are counted; their bytes tell the rest.
    return { rows, fingerprint: rows === 0 ? '0' : manifest.fingerprint ?? '0', columns: [] };
  }
  if (paths.length === 0) return noFigures(proof);
  // A folder's name must not pass for the column of that name, which the files hold in its own type.
  const from = `read_parquet(${fileList(paths)}, hive_partitioning = false)`;
  const types = new Map((await session.rows(`DESCRIBE SELECT * FROM ${from}`)).map((row) => [row['column_name']!, row['column_type']!]));
  const columns = proof.map((column): PlacedColumn => ({ ...column, sql: quoteIdentifier(column.name), type: types.get(column.name)! }));
  return figuresOf(await session.row(`SELECT ${figuresSql('duckdb', columns)} FROM ${from}`), proof);
}

/** Data files that a reader of the folder would meet and no batch has. */
async function strangeFiles(store: TableStore, head: Head): Promise<number> {
  const known = new Set<string>();
  for (const place of head.batches) for (const file of liveFiles(head, place, await readManifest(store, place))) known.add(file.path);
  return (await store.dataFiles()).filter((file) => !known.has(file)).length;
}
