import { z } from 'zod';

/** A number, or its digits as text where it has more than a number can hold. */
const bound = z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/, 'is no number').transform((text) => text as unknown as number)]);

/** `must_be…` words, for measures. */
export const thresholdOptions = {
  must_be: bound.optional().describe('Exactly'),
  must_be_at_least: bound.optional().describe('This or more'),
  must_be_at_most: bound.optional().describe('This or less'),
  must_be_greater_than: bound.optional().describe('More than this'),
  must_be_less_than: bound.optional().describe('Less than this'),
  must_be_between: z.tuple([bound, bound]).optional().describe('From … to …, both included'),
};
export type Thresholds = { readonly [Name in keyof typeof thresholdOptions]?: number | readonly [number, number] | undefined };

export const namesThreshold = (options: Thresholds): boolean => Object.keys(thresholdOptions).some((name) => options[name as keyof Thresholds] !== undefined);

/** The verdict over a relation's column `n`, as a check of a stream gives it. @param said SQL text that tells n */
export function heldAgainst(options: Thresholds, said: string, from: string): string {
  const { holds, words } = conditionsOf('n', options);
  return `SELECT CASE WHEN ${holds} THEN 0 ELSE 1 END AS failing, ${said} || ', ${words}' AS message, CAST(n AS VARCHAR) AS measured, '${words}' AS expected FROM (${from}) AS measure`;
}

/** Conditions that all must hold for `measure` (SQL), and their words. */
export function conditionsOf(measure: string, options: Thresholds): { readonly holds: string; readonly words: string } {
  const parts: [string, string][] = [];
  const add = (name: keyof Thresholds, sql: (value: number) => string, word: string) => {
    const value = options[name];
    if (typeof value === 'number' || typeof value === 'string') parts.push([sql(value), `${word} ${value}`]);
  };
  add('must_be', (value) => `${measure} = ${value}`, 'must be');
  add('must_be_at_least', (value) => `${measure} >= ${value}`, 'must be at least');
  add('must_be_at_most', (value) => `${measure} <= ${value}`, 'must be at most');
  add('must_be_greater_than', (value) => `${measure} > ${value}`, 'must be greater than');
  add('must_be_less_than', (value) => `${measure} < ${value}`, 'must be less than');
  const between = options.must_be_between;
  if (Array.isArray(between)) parts.push([`${measure} BETWEEN ${between[0]} AND ${between[1]}`, `must be between ${between[0]} and ${between[1]}`]);
  return { holds: parts.map(([sql]) => `(${sql})`).join(' AND '), words: parts.map(([, word]) => word).join(' and ') };
}
