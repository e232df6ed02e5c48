import { missingBatch, type BatchAudit, type Displaced, type TableAudit } from '../../domain/audit';
import { batchColumn } from '../../domain/column';
import { figuresOf, figuresSql, fingerprintSql, noFigures, proofOfText, type Figures } from '../../domain/fingerprint';
import type { VerifyRequest } from '../connector';
import type { Redshift, TextRow } from './client';
import type { Names } from './names';
import { columnsOf } from './columns';
import { placed } from './proof';
import { quoteLiteral } from './quote';
import { systemTablesThere } from './system-tables';

type Types = ReadonlyMap<string, string>;
const label = (names: Names): string => quoteLiteral(names.label);

/** Reads ledger and table; changes nothing. Each question is a transaction of its own: a publish meanwhile may show as a difference. */
export async function verifyStream(redshift: Redshift, names: Names, { target, batchIds, level }: VerifyRequest, signal: AbortSignal): Promise<TableAudit> {
  const nothing: TableAudit = { exists: false, batches: batchIds.map(missingBatch), strangers: null, whole: null };
  if (!(await systemTablesThere(redshift))) return nothing;
  const types = await columnsOf(redshift, names.schema, names.table);
  const wanted = new Set(batchIds);
  const all = await redshift.rows(`SELECT batch_id, CAST(batch_number AS VARCHAR) AS n, CAST("rows" AS VARCHAR) AS loaded, fingerprint, proof, state FROM ${names.loads} WHERE ${names.mine}${ofRuns(batchIds)}`, signal);
  const ledger = all.filter((row) => wanted.has(row['batch_id']!));
  const displaced = await displacedOf(redshift, names, batchIds);
  const byBatch = types.has(batchColumn);
  const found = byBatch ? await foundOf(redshift, names, level === 'rows' ? ledger : ledger.map((row) => ({ ...row, proof: null })), types, signal) : null;
  const rows = new Map(ledger.map((row) => [row['batch_id']!, row]));
  return {
    exists: types.size > 0,
    batches: batchIds.map((id) => {
      const row = rows.get(id);
      return row ? batchOf(row, displaced.get(row['n']!) ?? [], found, types) : missingBatch(id);
    }),
    strangers: byBatch ? await strangersOf(redshift, names) : null,
    whole: types.size > 0 && !byBatch ? await wholeOf(redshift, names, types, target.stream.write === 'replace') : null,
  };
}

/** A statement has 100 KB at most, so that beyond this many runs all rows are looked through. */
const mostRuns = 500;

/** Batches asked for may be of several runs; the path of its run begins a batch's id: `<run>/<stream>/0007/00`. */
function ofRuns(batchIds: readonly string[]): string {
  const runs = [...new Set(batchIds.map((id) => id.split('/').slice(0, -3).join('/')))];
  return runs.length === 0 || runs.length > mostRuns ? '' : ` AND run IN (${runs.map(quoteLiteral).join(', ')})`;
}

function batchOf(row: TextRow, displaced: readonly Displaced[], found: ReadonlyMap<string, Figures> | null, types: Types): BatchAudit {
  const proof = row['proof'] ? proofOfText(row['proof']) : [];
  const gone = proof.filter(({ name }) => !types.has(name.toLowerCase())).map(({ name }) => `"${name}"`);
  return {
    id: row['batch_id']!, state: row['state'] as BatchAudit['state'], rows: Number(row['loaded']), fingerprint: row['fingerprint'] ?? null, displaced,
    found: found ? found.get(row['n']!) ?? noFigures(proof) : null,
    problem: gone.length > 0 ? `the table no longer has column ${gone.join(', ')}` : null,
  };
}

async function displacedOf(redshift: Redshift, names: Names, batchIds: readonly string[]): Promise<ReadonlyMap<string, readonly Displaced[]>> {
  const ours = `SELECT batch_number FROM ${names.loads} WHERE ${names.mine}${ofRuns(batchIds)}`;
  const rows = await redshift.rows(`SELECT CAST(batch_number AS VARCHAR) AS n, run, CAST("rows" AS VARCHAR) AS gone, fingerprint FROM ${names.displaced} WHERE target = ${label(names)} AND batch_number IN (${ours})`);
  const found = new Map<string, Displaced[]>();
  for (const row of rows) found.set(row['n']!, [...found.get(row['n']!) ?? [], { run: row['run']!, rows: Number(row['gone']), fingerprint: row['fingerprint'] ?? null }]);
  return found;
}

/** One pass over the table for all batches whose fingerprints cover the same columns: nearly always one. */
async function foundOf(redshift: Redshift, names: Names, ledger: readonly TextRow[], types: Types, signal: AbortSignal): Promise<ReadonlyMap<string, Figures>> {
  const found = new Map<string, Figures>();
  for (const proof of new Set(ledger.map((row) => row['proof'] ?? null))) {
    const columns = placed(proof === null ? [] : proofOfText(proof), types, 't') ?? [];
    const numbers = ledger.filter((row) => (row['proof'] ?? null) === proof).map((row) => row['n']!);
    const figures = columns.length > 0 ? figuresSql('redshift', columns) : 'CAST(count(*) AS VARCHAR) AS "rows", CAST(\'0\' AS VARCHAR) AS fingerprint';
    for (let from = 0; from < numbers.length; from += 1000) {
      const rows = await redshift.rows(`SELECT CAST(t.${batchColumn} AS VARCHAR) AS n, ${figures} FROM ${names.target} t WHERE t.${batchColumn} IN (${numbers.slice(from, from + 1000).join(', ')}) GROUP BY t.${batchColumn}`, signal);
      for (const row of rows) found.set(row['n']!, figuresOf(row, columns));
    }
  }
  return found;
}

/** Rows without a batch, or with a number that no run has; those that were there before the first run are noted, below zero. */
async function strangersOf(redshift: Redshift, names: Names): Promise<TableAudit['strangers']> {
  const { n } = await redshift.row(`SELECT CAST(count(*) AS VARCHAR) AS n FROM ${names.target} t LEFT JOIN ${names.loads} l ON l.batch_number = t.${batchColumn} AND l.target = ${label(names)} AND l.state <> 'rolled_back' WHERE l.batch_number IS NULL`);
  const { before } = await redshift.row(`SELECT CAST(COALESCE(-sum("rows"), 0) AS VARCHAR) AS before FROM ${names.displaced} WHERE target = ${label(names)} AND batch_number IS NULL`);
  return { unit: 'rows', rows: Number(n), expected: Number(before) };
}

/** Without lineage: what all published batches brought, less what was displaced. After a replace, what its run brought. */
async function wholeOf(redshift: Redshift, names: Names, types: Types, replaced: boolean): Promise<TableAudit['whole']> {
  const published = `target = ${label(names)} AND state = 'published'`;
  const newest = replaced ? ` AND fence = (SELECT max(fence) FROM ${names.loads} WHERE ${published})` : '';
  const loaded = await redshift.row(`SELECT CAST(COALESCE(sum("rows"), 0) AS VARCHAR) AS loaded, CAST(COALESCE(sum(CAST(fingerprint AS DECIMAL(38,0))), 0) AS VARCHAR) AS fingerprint, CAST(count(DISTINCT COALESCE(proof, '')) AS VARCHAR) AS proofs, max(proof) AS proof FROM ${names.loads} WHERE ${published}${newest}`);
  // Of a replace: what it did not write of its own batches.
  const own = replaced ? ` AND batch_number IN (SELECT batch_number FROM ${names.loads} WHERE ${published}${newest})` : '';
  const taken = await redshift.row(
    `SELECT CAST(COALESCE(sum("rows"), 0) AS VARCHAR) AS gone, CAST(COALESCE(sum(CAST(fingerprint AS DECIMAL(38,0))), 0) AS VARCHAR) AS fingerprint, CAST(COALESCE(sum(CASE WHEN fingerprint IS NULL THEN 1 ELSE 0 END), 0) AS VARCHAR) AS unknown FROM ${names.displaced} WHERE target = ${label(names)}${own}`);
  const columns = loaded['proofs'] === '1' && loaded['proof'] && taken['unknown'] === '0' ? placed(proofOfText(loaded['proof']), types, 't') : null;
  const there = await redshift.row(`SELECT CAST(count(*) AS VARCHAR) AS n, CAST(${columns ? fingerprintSql('redshift', columns) : '0'} AS VARCHAR) AS fingerprint FROM ${names.target} t`);
  return {
    rows: Number(loaded['loaded']) - Number(taken['gone']),
    fingerprint: columns ? String(BigInt(loaded['fingerprint']!) - BigInt(taken['fingerprint']!)) : null,
    found: { rows: Number(there['n']), fingerprint: there['fingerprint']! },
  };
}
