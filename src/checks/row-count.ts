import { z } from 'zod';
import { defineCheck } from './check';
import { conditionsOf, namesThreshold, thresholdOptions } from './thresholds';

export const rowCount = defineCheck({
  name: 'row_count',
  summary: 'The stream has as many rows as expected',
  example: 'row_count: { must_be_greater_than: 0 }',
  setsAside: false,
  optionsSchema: z.strictObject({ ...thresholdOptions }).refine(namesThreshold, 'give a threshold, e.g. must_be_greater_than: 0'),
  compile(options, { relation }) {
    const { holds, words } = conditionsOf('n', options);
    return { kind: 'stream', sql: `SELECT CASE WHEN ${holds} THEN 0 ELSE 1 END AS failing, 'row_count is ' || n || ', ${words}' AS message, CAST(n AS VARCHAR) AS measured FROM (SELECT count(*) AS n FROM ${relation}) AS measure` };
  },
});
