import { batchColumn } from '../../domain/column';
import { fingerprintSql, proofOfText, proofText } from '../../domain/fingerprint';
import { streamPath } from '../../domain/ids';
import type { Session } from '../../transforms/duckdb-engine';
import { quoteLiteral } from '../../transforms/quote';
import type { PublishRequest } from '../connector';
import type { Names } from './names';
import { placed, typesOf } from './proof';

export interface Publishing {
  readonly session: Session;
  readonly names: Names;
  readonly request: PublishRequest;
}

/** As in the Postgres destination: per earlier batch, the rows that this publish takes away; of its own, those that it does not write. */
export async function recordDisplaced({ table, rows, ...publishing }: Publishing & { readonly table: string; readonly rows: string }): Promise<void> {
  const { session, names, request } = publishing;
  const types = await typesOf(session, table);
  const own = request.plan.proof ? proofText(request.plan.proof.columns) : null;
  const known = await session.rows(`SELECT DISTINCT proof FROM _millrace_loads WHERE target = ${quoteLiteral(names.label)} AND state <> 'rolled_back'`);
  for (const proof of new Set([...known.map((row) => row['proof'] ?? null), own])) {
    const columns = proof === null ? null : placed(proofOfText(proof), types, 'r');
    await append(publishing, `SELECT l.batch_number AS n, count(*) AS c, ${columns ? `CAST(${fingerprintSql('duckdb', columns)} AS VARCHAR)` : 'CAST(NULL AS VARCHAR)'} AS f FROM (${rows}) r ${ledger(names, types)} ` +
      `WHERE l.batch_number IS NOT NULL AND l.proof IS NOT DISTINCT FROM ${proof === null ? 'NULL' : quoteLiteral(proof)}${proof === own ? ' OR l.batch_number IS NULL' : ''} GROUP BY 1`);
  }
}

/** All rows of the target go: they are counted by batch. */
export async function recordReplaced(publishing: Publishing): Promise<void> {
  const { session, names } = publishing;
  await append(publishing, `SELECT l.batch_number AS n, count(*) AS c, CAST(NULL AS VARCHAR) AS f FROM ${names.target} r ${ledger(names, await typesOf(session, names.target))} GROUP BY 1`);
}

/** Rows that were there before Millrace: taken away below zero, so that they are not strangers later. */
export async function recordStrangers(publishing: Publishing): Promise<void> {
  const { session, names, request } = publishing;
  const earlier = await session.rows(`SELECT 1 FROM _millrace_loads WHERE target = ${quoteLiteral(names.label)} AND state = 'published' LIMIT 1`);
  if (request.plan.version > 0 || earlier.length > 0) return;
  const types = await typesOf(session, names.target);
  const columns = request.plan.proof ? placed(request.plan.proof.columns, types, 'r') : null;
  await append(publishing, `SELECT CAST(NULL AS BIGINT) AS n, -count(*) AS c, ${columns ? `CAST(-${fingerprintSql('duckdb', columns)} AS VARCHAR)` : 'CAST(NULL AS VARCHAR)'} AS f FROM ${names.target} r ${ledger(names, types)} WHERE l.batch_number IS NULL HAVING count(*) > 0`);
}

const ledger = (names: Names, types: ReadonlyMap<string, string>): string =>
  types.has(batchColumn) ? `LEFT JOIN _millrace_loads l ON l.batch_number = r.${batchColumn} AND l.target = ${quoteLiteral(names.label)} AND l.state <> 'rolled_back'` : 'LEFT JOIN _millrace_loads l ON false';

async function append({ session, names, request: { plan, batchIds, target } }: Publishing, entries: string): Promise<void> {
  await session.run(`CREATE OR REPLACE TEMP TABLE _millrace_displaced AS ${entries}`);
  const { n } = await session.row('SELECT count(*) AS n FROM _millrace_displaced');
  if (n === '0') return;
  const id = batchIds[0] ?? `${streamPath(target.run, target.stream.stream)}/publish`;
  if (batchIds.length === 0) {
    // A publish without batches takes rows away too; its ledger row is the publish itself.
    const texts = [id, names.label, target.run.pipeline, target.stream.stream, names.holder].map(quoteLiteral).join(', ');
    await session.run(`INSERT INTO _millrace_loads (batch_number, batch_id, target, pipeline, stream, run, fence, checksum, plan_hash, "rows", state, fingerprint, proof, published_at) SELECT nextval('_millrace_batches'), ${texts}, ${plan.fence}, '', ${quoteLiteral(plan.hash)}, 0, 'published', '0', ${plan.proof ? quoteLiteral(proofText(plan.proof.columns)) : 'NULL'}, now() WHERE NOT EXISTS (SELECT 1 FROM _millrace_loads WHERE batch_id = ${quoteLiteral(id)})`);
  }
  await session.run(`UPDATE _millrace_loads SET displaced = list_concat(coalesce(displaced, []), (SELECT list({number: n, "rows": c, fingerprint: f}) FROM _millrace_displaced)) WHERE batch_id = ${quoteLiteral(id)}`);
}
