import { FencedOffError } from '../../domain/errors';
import type { Step } from './client';
import type { Names } from './names';

/**
 * A batch of the Data API has no IF: a statement that divides by zero where a condition does not hold ends the transaction, and which
 * one failed tells why.
 * @param from the rest of a SELECT that gives one row, such as `FROM t WHERE …`; `condition` may use aggregates over it.
 */
export const assertion = (condition: string, from: string, otherwise: NonNullable<Step['otherwise']>): Step => ({
  sql: `SELECT 1 / CASE WHEN ${condition} THEN 1 ELSE 0 END AS holds ${from}`, otherwise,
});

export const fencedOffError = ({ label }: Names, fence: number): FencedOffError =>
  new FencedOffError(`writing to "${label}": a later run has claimed it; this run ends, nothing more was written by it`, { target: label, fence });

/** The claim is still ours. Right where the target's lock table is locked before. */
export const fencedOff = (names: Names, fence: number, version: number): Step =>
  assertion('count(*) = 1', `FROM ${names.checkpoints} WHERE ${names.mine} AND fence = ${fence} AND version = ${version}`, () => fencedOffError(names, fence));
