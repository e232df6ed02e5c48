import { z } from 'zod';
import { defineStep } from './step';

export const sql = defineStep({
  name: 'sql',
  summary: 'One SELECT (DuckDB) over `input`, the rows so far',
  example: 'sql: { query: "SELECT id, upper(name) AS name FROM input", rows: same }',
  optionsSchema: z.strictObject({
    query: z.string().min(1).describe('A single SELECT; it may read `input` and nothing else'),
    rows: z.enum(['same', 'fewer', 'more']).default('same').describe('What it does to the number of rows: same is proven, fewer counts as aggregated, more as created'),
  }),
  scope: () => 'stream',
  userSql: ({ query }) => [{ sql: query, allowed: ['input'] }],
  compile({ query, rows }, input) {
    const select = `WITH input AS (SELECT * EXCLUDE (_millrace_position) FROM ${input.relation} ORDER BY _millrace_position) SELECT * FROM (${query.trim().replace(/;\s*$/, '')})`;
    const zero = { created: '0', aggregated: '0' };
    const counts = `(SELECT count(*) FROM ${input.relation}) AS i, (SELECT count(*) FROM (${select})) AS o`;
    const measured = rows === 'same' ? zero : rows === 'fewer' ? { created: '0', aggregated: 'greatest(i - o, 0)' } : { created: 'greatest(o - i, 0)', aggregated: '0' };
    return {
      kind: 'reshape', select, untouched: [], keepsPosition: false,
      measure: `SELECT ${measured.created} AS created, ${measured.aggregated} AS aggregated, 0 AS filtered, 0 AS deduplicated FROM (SELECT ${counts})`,
    };
  },
});
