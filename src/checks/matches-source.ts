import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';

export const matchesSource = defineCheck({
  name: 'matches_source',
  summary: 'Measures of the rows to be loaded are what the source itself says of them',
  example: 'matches_source: { measures: { rows: "count(*)" } }',
  setsAside: false,
  asksDestination: false,
  optionsSchema: z.strictObject({
    measures: z.record(z.string().min(1), z.string().min(1)).default({ rows: 'count(*)' }).describe('Name: SQL aggregate that source and DuckDB both understand, over the source\'s columns as they are after the steps'),
    tolerance: z.number().min(0).max(1).default(0).describe('Share by which they may differ: rows may have changed since they were read'),
  }),
  asksSource: ({ measures }) => Object.values(measures),
  compile({ measures, tolerance }, { relation, source = null }) {
    if (source === null) return { kind: 'stream', sql: "SELECT 1 AS failing, 'the source cannot be asked; this check is for databases' AS message" };
    const names = Object.keys(measures);
    const values = Object.values(measures).map((sql, index) => `CAST((${sql}) AS VARCHAR) AS m${index}`);
    const differs = names.map((_, index) => {
      const theirs = source[index] ?? null;
      const [ours, other] = [`TRY_CAST(m${index} AS DECIMAL(38,9))`, theirs === null ? 'NULL' : `TRY_CAST(${quoteLiteral(theirs)} AS DECIMAL(38,9))`];
      const text = `m${index} IS DISTINCT FROM ${theirs === null ? 'NULL' : quoteLiteral(theirs)}`;
      return `CASE WHEN ${ours} IS NOT NULL AND ${other} IS NOT NULL THEN abs(${ours} - ${other}) > ${tolerance} * abs(${other}) ELSE ${text} END`;
    });
    const said = names.map((name, index) => `${quoteLiteral(`${name} is `)} || coalesce(m${index}, 'NULL') || ${quoteLiteral(`, the source says ${source[index] ?? 'NULL'}`)}`);
    return { kind: 'stream', sql: `SELECT ${differs.map((sql) => `(${sql})::INT`).join(' + ')} AS failing, ${said.join(" || '; ' || ")} AS message, m0 AS measured, ${quoteLiteral(names.map((name, index) => `${name} ${source[index] ?? 'NULL'}`).join(', '))} AS expected FROM (SELECT ${values.join(', ')} FROM ${relation})` };
  },
});
