import { z } from 'zod';
import { defineCheck } from './check';
import { heldAgainst, namesThreshold, thresholdOptions } from './thresholds';

export const sql = defineCheck({
  name: 'sql',
  summary: 'One number, selected from `input`, is as expected',
  example: 'sql: { query: "SELECT sum(total) FROM input", must_be_greater_than: 0 }',
  setsAside: false,
  optionsSchema: z.strictObject({ query: z.string().min(1).describe('SELECT of one value over `input`, all rows of the stream; with at: destination in its own SQL, which may name its other tables too'), ...thresholdOptions }).refine(namesThreshold, 'give a threshold, e.g. must_be: 0'),
  compile({ query, ...thresholds }, { relation }) {
    return { kind: 'stream', sql: `WITH input AS (SELECT * FROM ${relation}) ${heldAgainst(thresholds, "'the query gives ' || coalesce(CAST(n AS VARCHAR), 'NULL')", `SELECT (${query.trim().replace(/;\s*$/, '')}) AS n`)}` };
  },
});
