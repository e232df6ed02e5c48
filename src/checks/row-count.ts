import { z } from 'zod';
import { defineCheck } from './check';
import { heldAgainst, namesThreshold, thresholdOptions } from './thresholds';

export const rowCount = defineCheck({
  name: 'row_count',
  summary: 'The stream has as many rows as expected',
  example: 'row_count: { must_be_greater_than: 0 }',
  setsAside: false,
  optionsSchema: z.strictObject({ ...thresholdOptions }).refine(namesThreshold, 'give a threshold, e.g. must_be_greater_than: 0'),
  compile(options, { relation }) {
    return { kind: 'stream', sql: heldAgainst(options, "'row_count is ' || n", `SELECT count(*) AS n FROM ${relation}`) };
  },
});
