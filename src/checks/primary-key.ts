import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { quoteIdentifier } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const primaryKey = defineCheck({
  name: 'primary_key',
  summary: 'Every row has a key, and no two share one. With on_fail: quarantine the first of the source stays',
  example: 'primary_key: { columns: [id] }',
  optionsSchema: z.strictObject({ columns: z.array(z.string()).min(1).describe('The key') }),
  compile({ columns }, input) {
    const names = columns.map((column) => columnOf(column, input, 'primary_key'));
    const missing = names.map((name) => `${name} IS NULL`).join(' OR ');
    const list = names.join(', ');
    const count = `SELECT count(*) FILTER (WHERE ${missing}) AS missing, count(*) FILTER (WHERE NOT (${missing})) - count(DISTINCT CASE WHEN NOT (${missing}) THEN row(${list}) END) AS doubled FROM ${input.relation}`;
    return {
      kind: 'stream',
      sql: `SELECT missing + doubled AS failing, missing || ' rows have no key, ' || doubled || ' repeat one that another row has' AS message FROM (${count}) AS counted`,
      quarantine: {
        column: columns[0]!, reason: 'is missing, or repeats a key that an earlier row has',
        when: `(${missing}) OR row_number() OVER (PARTITION BY ${list} ORDER BY ${quoteIdentifier(positionColumn)}) > 1`,
      },
    };
  },
});
