import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { missingBatch, type BatchAudit, type Displaced, type TableAudit } from '../../domain/audit';
import type { Control } from '../../domain/control';
import { figuresOf, figuresSql, noFigures, proofOfText, type Figures, type PlacedColumn, type ProofColumn } from '../../domain/fingerprint';
import { formatNamed } from '../../formats/registry';
import { fileList, type Session } from '../../transforms/duckdb-engine';
import { quoteIdentifier } from '../../transforms/quote';
import type { ConnectorContext, VerifyRequest } from '../connector';
import type { BatchManifest } from './destination';
import { readHeads, type Head } from './head';

type ReadManifest = (place: string) => Promise<BatchManifest | null>;

/** The heads are the ledger: which publish brought a batch in, and which took it out; the files are the rows. */
export async function verifyFolder(context: ConnectorContext, table: string, request: VerifyRequest, read: ReadManifest, placeOf: (batchId: string, fence: number) => string, control: Control): Promise<TableAudit> {
  const heads = await readHeads(table);
  const head = heads.at(-1);
  if (!head) return { exists: false, batches: request.batchIds.map(missingBatch), strangers: null, whole: null };
  const batches: BatchAudit[] = [];
  for (const id of request.batchIds) {
    const place = heads.flatMap((one) => one.batches).find((known) => /^_millrace\/f(\d+)\//.test(known) && known === placeOf(id, Number(/f(\d+)/.exec(known)![1])));
    const manifest = place === undefined ? null : await read(place);
    if (place === undefined) batches.push(missingBatch(id));
    else if (!head.batches.includes(place)) batches.push(replaced(id, heads, place));
    else if (!manifest) batches.push(missingBatch(id));
    else batches.push(await context.engine.session(control.signal, (session) => present(session, table, request, manifest)));
  }
  const strangers = await strangeFiles(table, head, read);
  return { exists: true, batches, strangers: { unit: 'files', rows: strangers, expected: 0 }, whole: null };
}

/** Files of a replaced batch are removed with its manifest: the receipt alone says what was in it, so nothing is left to compare. */
function replaced(id: string, heads: readonly Head[], place: string): BatchAudit {
  const since = heads.findIndex((head) => head.batches.includes(place));
  const by = heads.slice(since).find((head) => !head.batches.includes(place))!;
  const gone: Displaced = { run: by.publisher ?? by.holder, rows: 0, fingerprint: null };
  return { id, state: 'replaced', rows: 0, fingerprint: null, displaced: [gone], found: null, problem: null };
}

async function present(session: Session, table: string, { target: { stream }, level }: VerifyRequest, manifest: BatchManifest): Promise<BatchAudit> {
  const proof = level === 'rows' && manifest.proof !== null ? proofOfText(manifest.proof) : [];
  const paths = manifest.files.map((file) => path.join(table, file.path));
  const gone = paths.filter((file) => !existsSync(file));
  const there = paths.filter((file) => !gone.includes(file));
  const { name, options } = stream.targetFormat ?? { name: 'parquet', options: {} };
  const found = await (proof.length > 0 ? figures(session, there, proof) : counted(session, there, name, options)).catch(() => null);
  return {
    id: manifest.batchId, state: 'published', rows: manifest.rows, fingerprint: manifest.fingerprint, displaced: [], found,
    problem: gone.length > 0 ? `${gone.length} of its ${paths.length} files are gone` : found === null ? 'a file of it cannot be read' : null,
  };
}

async function figures(session: Session, paths: readonly string[], proof: readonly ProofColumn[]): Promise<Figures> {
  if (paths.length === 0) return noFigures(proof);
  const types = new Map((await session.rows(`DESCRIBE SELECT * FROM read_parquet(${fileList(paths)})`)).map((row) => [row['column_name']!, row['column_type']!]));
  const columns = proof.map((column): PlacedColumn => ({ ...column, sql: quoteIdentifier(column.name), type: types.get(column.name)! }));
  return figuresOf(await session.row(`SELECT ${figuresSql('duckdb', columns)} FROM read_parquet(${fileList(paths)})`), proof);
}

async function counted(session: Session, paths: readonly string[], format: string, options: unknown): Promise<Figures> {
  let rows = 0;
  for (const file of paths) rows += await formatNamed(format).count(session, file, options);
  return { rows, fingerprint: '0', columns: [] };
}

/** Data files that a reader of the folder would meet and no batch has. */
async function strangeFiles(table: string, head: Head, read: ReadManifest): Promise<number> {
  const known = new Set<string>();
  for (const place of head.batches) for (const file of (await read(place))?.files ?? []) known.add(file.path);
  const entries = await readdir(table, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile()).map((entry) => path.relative(table, path.join(entry.parentPath, entry.name)));
  return found.filter((file) => !file.startsWith('_millrace') && !known.has(file)).length;
}
