import { batchColumn } from '../../domain/column';
import { fingerprintSql, proofOfText, proofText } from '../../domain/fingerprint';
import { streamPath } from '../../domain/ids';
import type { PublishRequest } from '../connector';
import type { PostgresConnection } from './connection';
import { columnsOf } from './prepare';
import { placed } from './proof';
import { quoteLiteral } from './quote';
import type { Names } from './system-tables';

/** Where rows are that a publish takes away or does not write: a SELECT over all columns of `table`. */
export interface DisplacedRows {
  readonly connection: PostgresConnection;
  readonly names: Names;
  readonly request: PublishRequest;
  /** Target or hidden table: it tells the columns and their types. */
  readonly table: string;
  readonly rows: string;
}

/**
 * Records, per earlier batch, how many of its rows this publish takes away and their fingerprint as they stand; of its own batches the rows
 * that it does not write. In the ledger row of the run's first batch, in the publish transaction, so `verify` can tell a later run from a
 * stranger (semantics 10). Rows of no batch are counted under a null number.
 */
export async function recordDisplaced({ connection, names, request, table, rows }: DisplacedRows): Promise<void> {
  const types = await columnsOf(connection, table);
  const own = request.plan.proof ? proofText(request.plan.proof.columns) : null;
  for (const proof of await proofsOf(connection, names, own)) {
    const columns = proof === null ? null : placed(proofOfText(proof), types, 'r');
    const strangers = proof === own ? ' OR l.batch_number IS NULL' : '';
    const known = types.has(batchColumn) ? `LEFT JOIN ${names.loads} l ON l.batch_number = r.${batchColumn} AND l.target = ${quoteLiteral(names.label)} AND l.state <> 'rolled_back'` : `LEFT JOIN ${names.loads} l ON false`;
    await append({ connection, names, request }, `SELECT l.batch_number AS n, count(*) AS rows, ${columns ? fingerprintSql('postgres', columns) : 'NULL::numeric'} AS fingerprint FROM (${rows}) r ${known} ` +
      `WHERE l.batch_number IS NOT NULL AND l.proof IS NOT DISTINCT FROM ${proof === null ? 'NULL' : quoteLiteral(proof)}${strangers} GROUP BY 1`);
  }
}

/** All rows of the target go, which is how many it returns: they are counted by batch; a fingerprint of a whole table would hold its lock for minutes. */
export async function recordReplaced(connection: PostgresConnection, names: Names, request: PublishRequest): Promise<number> {
  const lineage = (await columnsOf(connection, names.target)).has(batchColumn);
  const known = lineage ? `LEFT JOIN ${names.loads} l ON l.batch_number = r.${batchColumn} AND l.target = ${quoteLiteral(names.label)} AND l.state <> 'rolled_back'` : `LEFT JOIN ${names.loads} l ON false`;
  const gone = await connection.rows(`SELECT l.batch_number::text AS n, sum(r.rows)::text AS rows FROM (SELECT ${lineage ? batchColumn : `NULL::bigint AS ${batchColumn}`}, count(*) AS rows FROM ${names.target} GROUP BY 1) r ${known} GROUP BY 1 HAVING sum(r.rows) > 0`);
  if (gone.length === 0) return 0;
  await append({ connection, names, request }, `SELECT (v->>0)::bigint AS n, (v->>1)::numeric AS rows, NULL::numeric AS fingerprint FROM jsonb_array_elements(${quoteLiteral(JSON.stringify(gone.map(({ n, rows }) => [n, rows])))}::jsonb) v`);
  return gone.reduce((sum, { rows }) => sum + Number(rows), 0);
}

/** Rows that were there before Millrace: taken away below zero, so that they are not strangers later. */
export async function recordStrangers(connection: PostgresConnection, names: Names, request: PublishRequest): Promise<void> {
  if (request.plan.version > 0) return;
  const { first } = await connection.row(`SELECT (NOT EXISTS (SELECT 1 FROM ${names.loads} WHERE target = $1 AND state = 'published'))::text AS first`, [names.label]);
  if (first !== 'true') return;
  const types = await columnsOf(connection, names.target);
  const columns = request.plan.proof ? placed(request.plan.proof.columns, types, 'r') : null;
  const strange = types.has(batchColumn) ? ` WHERE NOT EXISTS (SELECT 1 FROM ${names.loads} l WHERE l.batch_number = r.${batchColumn} AND l.target = ${quoteLiteral(names.label)})` : '';
  await append({ connection, names, request }, `SELECT NULL::bigint AS n, -count(*) AS rows, ${columns ? `-${fingerprintSql('postgres', columns)}` : 'NULL::numeric'} AS fingerprint FROM ${names.target} r${strange} HAVING count(*) > 0`);
}

/** Which columns the fingerprints of the table's batches cover: mostly one answer for all. */
async function proofsOf(connection: PostgresConnection, names: Names, own: string | null): Promise<readonly (string | null)[]> {
  const rows = await connection.rows(`SELECT DISTINCT proof FROM ${names.loads} WHERE target = $1 AND state <> 'rolled_back'`, [names.label]);
  return [...new Set([...rows.map((row) => row['proof'] ?? null), own])];
}

async function append({ connection, names, request }: Pick<DisplacedRows, 'connection' | 'names' | 'request'>, entries: string): Promise<void> {
  const list = `SELECT jsonb_agg(jsonb_build_array(e.n::text, e.rows::text, e.fingerprint::text)) AS entries FROM (${entries}) e`;
  const into = (id: string) => connection.run(`UPDATE ${names.loads} SET displaced = coalesce(displaced, '[]'::jsonb) || d.entries FROM (${list}) d WHERE batch_id = ${quoteLiteral(id)} AND d.entries IS NOT NULL`);
  const [first] = request.batchIds;
  if (first !== undefined) return void await into(first);
  // A publish without batches takes rows away too; its ledger row is the publish itself.
  const id = `${streamPath(request.target.run, request.target.stream.stream)}/publish`;
  const { plan } = request;
  await connection.run(
    `INSERT INTO ${names.loads} (batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, rows, state, fingerprint, proof, published_at) SELECT $1, $2, $3, $4, $5, $6, '', $7, 0, 'published', '0', $8, now() ` +
    `FROM (${list}) d WHERE d.entries IS NOT NULL ON CONFLICT (batch_id) DO NOTHING`,
    [id, names.label, names.pipeline, names.stream, names.holder, plan.fence, plan.hash, plan.proof ? proofText(plan.proof.columns) : null]);
  await into(id);
}
