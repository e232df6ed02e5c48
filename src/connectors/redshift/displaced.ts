import { batchColumn } from '../../domain/column';
import { fingerprintSql, proofOfText, proofText } from '../../domain/fingerprint';
import { pieces, type Step } from './client';
import { placed } from './proof';
import { quoteLiteral } from './quote';
import type { Write } from './write';

const into = ({ names }: Write): string => `INSERT INTO ${names.displaced} (target, run, batch_number, "rows", fingerprint)`;
const ids = ({ names }: Write): string => `CAST(${quoteLiteral(names.label)} AS VARCHAR(512)), CAST(${quoteLiteral(names.holder)} AS VARCHAR(2048))`;

const joined = ({ names, types }: Write, from: 'target' | 'hidden'): string =>
  (from === 'hidden' || types.has(batchColumn) ? `LEFT JOIN ${names.loads} l ON l.batch_number = r.${batchColumn} AND l.target = ${quoteLiteral(names.label)} AND l.state <> 'rolled_back'` : `LEFT JOIN ${names.loads} l ON l.batch_number = -1`);

/**
 * As in the Postgres destination: per earlier batch, how many of its rows this publish takes away and their fingerprint; of its own batches
 * the rows that it does not write (semantics 10). Rows of no batch stand under a null number.
 * @param rows a SELECT over all columns of `from`.
 */
export function displacedSteps(write: Write, from: 'target' | 'hidden', rows: string): readonly Step[] {
  const { request: { plan }, proofs } = write;
  const types = typesIn(write, from);
  const own = plan.proof ? proofText(plan.proof.columns) : null;
  const parts = [...new Set([...proofs, own])].map((proof) => {
    const columns = proof === null ? null : placed(proofOfText(proof), types, 'r');
    const condition = `(l.batch_number IS NOT NULL AND ${proof === null ? 'l.proof IS NULL' : `l.proof = ${quoteLiteral(proof)}`})${proof === own ? ' OR l.batch_number IS NULL' : ''}`;
    return `SELECT ${ids(write)}, l.batch_number, count(*), ${columns ? `CAST(${fingerprintSql('redshift', columns)} AS VARCHAR)` : 'CAST(NULL AS VARCHAR)'} FROM (${rows}) r ${joined(write, from)} WHERE ${condition} GROUP BY l.batch_number`;
  });
  // A table whose columns have changed often has many proofs, and a transaction has room for few statements.
  return pieces(parts, ' UNION ALL ').map((select) => ({ sql: `${into(write)} ${select}` }));
}

/** The hidden table has the columns of this run alone; the target keeps those that the source has lost. */
const typesIn = ({ types, request: { plan } }: Write, from: 'target' | 'hidden'): Write['types'] =>
  (from === 'target' ? types : new Map([...types].filter(([column]) => plan.target.some(({ name }) => name.toLowerCase() === column))));

/** All rows of the target go: they are counted by batch. */
export const replacedStep = (write: Write): Step =>
  ({ sql: `${into(write)} SELECT ${ids(write)}, l.batch_number, count(*), CAST(NULL AS VARCHAR) FROM ${write.names.target} r ${joined(write, 'target')} GROUP BY l.batch_number` });

/** Rows that were there before Millrace: taken away below zero, so that they are not strangers later. */
export function strangersStep(write: Write): readonly Step[] {
  const { names, request: { plan }, types, firstPublish } = write;
  if (!firstPublish) return [];
  const columns = plan.proof ? placed(plan.proof.columns, types, 'r') : null;
  return [{ sql: `${into(write)} SELECT ${ids(write)}, CAST(NULL AS BIGINT), -count(*), ${columns ? `CAST(-${fingerprintSql('redshift', columns)} AS VARCHAR)` : 'CAST(NULL AS VARCHAR)'} FROM ${names.target} r ${joined(write, 'target')} WHERE l.batch_number IS NULL HAVING count(*) > 0` }];
}
