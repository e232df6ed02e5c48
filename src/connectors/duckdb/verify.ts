import { missingBatch, type BatchAudit, type Displaced, type TableAudit } from '../../domain/audit';
import { batchColumn } from '../../domain/column';
import { figuresOf, figuresSql, fingerprintSql, noFigures, proofOfText, type Figures } from '../../domain/fingerprint';
import type { Session, TextRow } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { VerifyRequest } from '../connector';
import type { Names } from './names';
import { placed, typesOf } from './proof';

/** Reads ledger and table; changes nothing. As in the Postgres destination. */
export async function verifyTable(session: Session, names: Names, exists: boolean, { target, batchIds, level, strangers }: VerifyRequest): Promise<TableAudit> {
  const types = exists ? await typesOf(session, names.target) : new Map<string, string>();
  const ids = batchIds.map(quoteLiteral).join(', ') || 'NULL';
  const ledger = await session.rows(`SELECT batch_id, batch_number AS n, "rows", fingerprint, proof, state FROM _millrace_loads WHERE batch_id IN (${ids})`);
  const displaced = await displacedOf(session, names, ledger.map((row) => row['n']!));
  const byBatch = types.has(batchColumn);
  const found = byBatch ? await foundOf(session, names, level === 'rows' ? ledger : ledger.map((row) => ({ ...row, proof: null })), types) : null;
  const rows = new Map(ledger.map((row) => [row['batch_id']!, row]));
  return {
    exists,
    batches: batchIds.map((id) => {
      const row = rows.get(id);
      return row ? batchOf(row, displaced.get(row['n']!) ?? [], found, types) : missingBatch(id);
    }),
    strangers: byBatch && strangers ? await strangersOf(session, names) : null,
    whole: exists && !byBatch ? await wholeOf(session, names, types, target.stream.write === 'replace', level) : null,
  };
}

function batchOf(row: TextRow, displaced: readonly Displaced[], found: ReadonlyMap<string, Figures> | null, types: ReadonlyMap<string, string>): BatchAudit {
  const proof = row['proof'] ? proofOfText(row['proof']) : [];
  const gone = proof.filter(({ name }) => !types.has(name)).map(({ name }) => `"${name}"`);
  return {
    id: row['batch_id']!, state: row['state'] as BatchAudit['state'], rows: Number(row['rows']), fingerprint: row['fingerprint'] ?? null, displaced,
    found: found ? found.get(row['n']!) ?? noFigures(proof) : null,
    problem: gone.length > 0 ? `the table no longer has column ${gone.join(', ')}` : null,
  };
}

const entries = (names: Names): string => `(SELECT run, batch_number, unnest(displaced) AS e FROM _millrace_loads WHERE target = ${quoteLiteral(names.label)} AND state = 'published' AND displaced IS NOT NULL)`;

async function displacedOf(session: Session, names: Names, numbers: readonly string[]): Promise<ReadonlyMap<string, readonly Displaced[]>> {
  const rows = await session.rows(`SELECT e.number AS n, run, e."rows" AS "rows", e.fingerprint AS fingerprint FROM ${entries(names)} WHERE e.number IN (${numbers.join(', ') || 'NULL'}) ORDER BY batch_number`);
  const found = new Map<string, Displaced[]>();
  for (const row of rows) found.set(row['n']!, [...found.get(row['n']!) ?? [], { run: row['run']!, rows: Number(row['rows']), fingerprint: row['fingerprint'] ?? null }]);
  return found;
}

async function foundOf(session: Session, names: Names, ledger: readonly TextRow[], types: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, Figures>> {
  const found = new Map<string, Figures>();
  for (const proof of new Set(ledger.map((row) => row['proof'] ?? null))) {
    const columns = placed(proof === null ? [] : proofOfText(proof), types, 't') ?? [];
    const numbers = ledger.filter((row) => (row['proof'] ?? null) === proof).map((row) => row['n']!);
    const figures = columns.length > 0 ? figuresSql('duckdb', columns) : `count(*) AS "rows", '0' AS fingerprint`;
    for (const row of await session.rows(`SELECT t.${batchColumn} AS n, ${figures} FROM ${names.target} t WHERE t.${batchColumn} IN (${numbers.join(', ')}) GROUP BY 1`)) found.set(row['n']!, figuresOf(row, columns));
  }
  return found;
}

async function strangersOf(session: Session, names: Names): Promise<TableAudit['strangers']> {
  const { n } = await session.row(`SELECT count(*) AS n FROM ${names.target} t WHERE NOT EXISTS (SELECT 1 FROM _millrace_loads l WHERE l.batch_number = t.${batchColumn} AND l.target = ${quoteLiteral(names.label)} AND l.state <> 'rolled_back')`);
  const { before } = await session.row(`SELECT coalesce(-sum(e."rows"), 0) AS before FROM ${entries(names)} WHERE e.number IS NULL`);
  return { unit: 'rows', rows: Number(n), expected: Number(before) };
}

/** Without lineage: what all published batches brought, less what was displaced. After a replace, what its run brought. */
async function wholeOf(session: Session, names: Names, types: ReadonlyMap<string, string>, replaced: boolean, level: VerifyRequest['level']): Promise<TableAudit['whole']> {
  const label = quoteLiteral(names.label);
  const mine = `target = ${label} AND state = 'published'${replaced ? ` AND fence = (SELECT max(fence) FROM _millrace_loads WHERE target = ${label} AND state = 'published')` : ''}`;
  const loaded = await session.row(`SELECT coalesce(sum("rows"), 0) AS "rows", coalesce(sum(CAST(fingerprint AS HUGEINT)), 0) AS fingerprint, count(DISTINCT coalesce(proof, '')) AS proofs, max(proof) AS proof FROM _millrace_loads WHERE ${mine}`);
  const taken = replaced ? { rows: '0', fingerprint: '0', unknown: '0' } : await session.row(`SELECT coalesce(sum(e."rows"), 0) AS "rows", coalesce(sum(CAST(e.fingerprint AS HUGEINT)), 0) AS fingerprint, count(*) FILTER (e.fingerprint IS NULL) AS unknown FROM ${entries(names)}`);
  const columns = level === 'rows' && loaded['proofs'] === '1' && loaded['proof'] && taken['unknown'] === '0' ? placed(proofOfText(loaded['proof']), types, 't') : null;
  const there = await session.row(`SELECT count(*) AS "rows", ${columns ? fingerprintSql('duckdb', columns) : '0'} AS fingerprint FROM ${names.target} t`);
  return {
    rows: Number(loaded['rows']) - Number(taken['rows']),
    fingerprint: columns ? String(BigInt(loaded['fingerprint']!) - BigInt(taken['fingerprint']!)) : null,
    found: { rows: Number(there['rows']), fingerprint: there['fingerprint']! },
  };
}
