import { missingBatch, type BatchAudit, type Displaced, type TableAudit } from '../../domain/audit';
import { batchColumn } from '../../domain/column';
import { figuresOf, figuresSql, fingerprintSql, noFigures, proofOfText, type Figures } from '../../domain/fingerprint';
import type { VerifyRequest } from '../connector';
import type { PostgresConnection } from './connection';
import { columnsOf } from './prepare';
import { placed } from './proof';
import { arrayOf } from './quote';
import { quoteLiteral } from './quote';
import type { Names } from './system-tables';

type Row = Readonly<Record<string, string | null>>;

/** Reads ledger and table in one snapshot; changes nothing. */
export const verifyStream = (connection: PostgresConnection, names: Names, request: VerifyRequest): Promise<TableAudit> =>
  connection.transaction(() => audit(connection, names, request), 'ISOLATION LEVEL REPEATABLE READ READ ONLY');

async function audit(connection: PostgresConnection, names: Names, { target, batchIds, level, strangers }: VerifyRequest): Promise<TableAudit> {
  const types = await columnsOf(connection, names.target);
  const ledger = await connection.rows(`SELECT batch_id, batch_number::text AS n, rows::text, fingerprint, proof, state FROM ${names.loads} WHERE batch_id = ANY($1::text[])`, [arrayOf(batchIds)]);
  const displaced = await displacedOf(connection, names, ledger.map((row) => row['n']!));
  const byBatch = types.has(batchColumn);
  const found = byBatch ? await foundOf(connection, names, level === 'rows' ? ledger : ledger.map((row) => ({ ...row, proof: null })), types) : new Map<string, Figures>();
  const rows = new Map(ledger.map((row) => [row['batch_id']!, row]));
  return {
    exists: types.size > 0,
    batches: batchIds.map((id) => {
      const row = rows.get(id);
      return row ? batchOf(row, displaced.get(row['n']!) ?? [], byBatch ? found : null, types) : missingBatch(id);
    }),
    strangers: byBatch && strangers ? await strangersOf(connection, names) : null,
    whole: types.size > 0 && !byBatch ? await wholeOf(connection, names, types, target.stream.write === 'replace', level) : null,
  };
}

function batchOf(row: Row, displaced: readonly Displaced[], found: ReadonlyMap<string, Figures> | null, types: ReadonlyMap<string, string>): BatchAudit {
  const proof = row['proof'] ? proofOfText(row['proof']) : [];
  const gone = proof.filter(({ name }) => !types.has(name)).map(({ name }) => `"${name}"`);
  return {
    id: row['batch_id']!, state: row['state'] as BatchAudit['state'], rows: Number(row['rows']), fingerprint: row['fingerprint'] ?? null, displaced,
    found: found ? found.get(row['n']!) ?? noFigures(proof) : null,
    problem: gone.length > 0 ? `the table no longer has column ${gone.join(', ')}` : null,
  };
}

async function displacedOf(connection: PostgresConnection, names: Names, numbers: readonly string[]): Promise<ReadonlyMap<string, readonly Displaced[]>> {
  const rows = await connection.rows(
    `SELECT e.value->>0 AS n, l.run, e.value->>1 AS rows, e.value->>2 AS fingerprint FROM ${names.loads} l CROSS JOIN LATERAL jsonb_array_elements(l.displaced) e ` +
    `WHERE l.target = $1 AND l.state = 'published' AND l.displaced IS NOT NULL AND e.value->>0 = ANY($2::text[]) ORDER BY l.batch_number`, [names.label, arrayOf(numbers)]);
  const found = new Map<string, Displaced[]>();
  for (const row of rows) found.set(row['n']!, [...found.get(row['n']!) ?? [], { run: row['run']!, rows: Number(row['rows']), fingerprint: row['fingerprint'] ?? null }]);
  return found;
}

/** One pass over the table for all batches whose fingerprints cover the same columns: nearly always one. */
async function foundOf(connection: PostgresConnection, names: Names, ledger: readonly Row[], types: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, Figures>> {
  const found = new Map<string, Figures>();
  for (const proof of new Set(ledger.map((row) => row['proof'] ?? null))) {
    const wanted = proof === null ? [] : proofOfText(proof);
    const columns = placed(wanted, types, 't') ?? [];
    const numbers = ledger.filter((row) => (row['proof'] ?? null) === proof).map((row) => row['n']!);
    const figures = columns.length > 0 ? figuresSql('postgres', columns) : `count(*)::text AS rows, '0' AS fingerprint`;
    const rows = await connection.rows(`SELECT t.${batchColumn}::text AS n, ${figures} FROM ${names.target} t WHERE t.${batchColumn} = ANY($1::bigint[]) GROUP BY t.${batchColumn}`, [`{${numbers.join(',')}}`]);
    for (const row of rows) found.set(row['n']!, figuresOf(row, columns));
  }
  return found;
}

/** Rows without a batch, or with a number that no run has; those that were there before the first run are in its ledger row, below zero. */
async function strangersOf(connection: PostgresConnection, names: Names): Promise<TableAudit['strangers']> {
  const { n } = await connection.row(`SELECT count(*)::text AS n FROM ${names.target} t WHERE NOT EXISTS (SELECT 1 FROM ${names.loads} l WHERE l.batch_number = t.${batchColumn} AND l.target = $1 AND l.state <> 'rolled_back')`, [names.label]);
  const { before } = await connection.row(`SELECT coalesce(-sum((e.value->>1)::bigint), 0)::text AS before FROM ${names.loads} l CROSS JOIN LATERAL jsonb_array_elements(l.displaced) e WHERE l.target = $1 AND l.state = 'published' AND l.displaced IS NOT NULL AND e.value->>0 IS NULL`, [names.label]);
  return { unit: 'rows', rows: Number(n), expected: Number(before) };
}

/** Without lineage: what all published batches brought, less what was displaced. After a replace, what its run brought. */
async function wholeOf(connection: PostgresConnection, names: Names, types: ReadonlyMap<string, string>, replaced: boolean, level: VerifyRequest['level']): Promise<TableAudit['whole']> {
  const mine = `target = ${quoteLiteral(names.label)} AND state = 'published'${replaced ? ` AND fence = (SELECT max(fence) FROM ${names.loads} WHERE target = ${quoteLiteral(names.label)} AND state = 'published')` : ''}`;
  const loaded = await connection.row(`SELECT coalesce(sum(rows), 0)::text AS rows, coalesce(sum(fingerprint::numeric), 0)::text AS fingerprint, count(DISTINCT coalesce(proof, ''))::text AS proofs, max(proof) AS proof FROM ${names.loads} WHERE ${mine}`);
  const taken = replaced ? { rows: '0', fingerprint: '0', unknown: '0' } : await connection.row(
    `SELECT coalesce(sum((e.value->>1)::bigint), 0)::text AS rows, coalesce(sum((e.value->>2)::numeric), 0)::text AS fingerprint, count(*) FILTER (WHERE e.value->>2 IS NULL)::text AS unknown ` +
    `FROM ${names.loads} l CROSS JOIN LATERAL jsonb_array_elements(l.displaced) e WHERE ${mine} AND l.displaced IS NOT NULL`);
  const columns = level === 'rows' && loaded['proofs'] === '1' && loaded['proof'] && taken['unknown'] === '0' ? placed(proofOfText(loaded['proof']), types, 't') : null;
  const there = await connection.row(`SELECT count(*)::text AS rows, ${columns ? fingerprintSql('postgres', columns) : '0'}::text AS fingerprint FROM ${names.target} t`);
  return {
    rows: Number(loaded['rows']) - Number(taken['rows']),
    fingerprint: columns ? String(BigInt(loaded['fingerprint']!) - BigInt(taken['fingerprint']!)) : null,
    found: { rows: Number(there['rows']), fingerprint: there['fingerprint']! },
  };
}
