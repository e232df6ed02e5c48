import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const freshness = defineCheck({
  name: 'freshness',
  summary: 'The newest value of a date or time is recent enough; no value at all fails',
  example: 'freshness: { column: updated_at, max_age: 1 day }',
  setsAside: false,
  optionsSchema: z.strictObject({
    column: z.string().describe('Column of dates or times; times without zone are UTC'),
    max_age: z.string().regex(/^\d+ ?(second|minute|hour|day|week|month|year)s?$/i, 'is no age; write one such as 6 hours or 1 day').describe('How old it may be when the check runs'),
  }),
  compile({ column, max_age: age }, input) {
    const newest = `max(CAST(${columnOf(column, input, 'freshness')} AS TIMESTAMP WITH TIME ZONE))`;
    const oldest = `now() - CAST(${quoteLiteral(age)} AS INTERVAL)`;
    return {
      kind: 'stream',
      sql: `SELECT CASE WHEN newest >= ${oldest} THEN 0 ELSE 1 END AS failing, coalesce('the newest is of ' || CAST(newest AS VARCHAR), 'there is no value') || ${quoteLiteral(`, it may be ${age} old`)} AS message, CAST(newest AS VARCHAR) AS measured, ${quoteLiteral(`at most ${age} old`)} AS expected FROM (SELECT ${newest} AS newest FROM ${input.relation}) AS measure`,
    };
  },
});
