import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { quoteIdentifier } from '../transforms/quote';
import { defineCheck } from './check';
import { columnOf } from './columns';

export const unique = defineCheck({
  name: 'unique',
  summary: 'No two rows share a key; rows with NULL in it pass. With on_fail: quarantine the first of the source stays',
  example: 'unique: { columns: [id] }',
  optionsSchema: z.strictObject({ columns: z.array(z.string()).min(1).describe('The key') }),
  compile({ columns }, input) {
    const names = columns.map((column) => columnOf(column, input, 'unique'));
    const whole = names.map((name) => `${name} IS NOT NULL`).join(' AND ');
    const list = names.join(', ');
    return {
      kind: 'stream',
      sql: `SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS failing, coalesce(sum(n - 1), 0) || ' rows repeat a key that another row has' AS message FROM (SELECT count(*) AS n FROM ${input.relation} WHERE ${whole} GROUP BY ${list} HAVING count(*) > 1) AS doubled`,
      quarantine: { column: columns[0]!, when: `${whole} AND row_number() OVER (PARTITION BY ${list} ORDER BY ${quoteIdentifier(positionColumn)}) > 1`, reason: 'repeats a key that an earlier row has' },
    };
  },
});
