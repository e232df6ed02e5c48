import { z } from 'zod';
import { find } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep, userExpression } from './step';

export const aggregate = defineStep({
  name: 'aggregate',
  summary: 'Groups rows and measures each group',
  example: 'aggregate: { by: [region], measures: { orders: "count(*)", total: "sum(total)" } }',
  optionsSchema: z.strictObject({
    by: z.union([z.array(z.string()), z.record(z.string(), z.string())]).describe('Columns, or name: SQL expression; NULL makes a group of its own'),
    measures: z.record(z.string(), z.string()).describe('Column: SQL aggregate (DuckDB)'),
  }),
  scope: () => 'stream',
  userSql: ({ by, measures }) => [...(Array.isArray(by) ? [] : Object.values(by)), ...Object.values(measures)].map(userExpression),
  compile({ by, measures }, input) {
    const groups = Array.isArray(by) ? by.map((name) => [name, quoteIdentifier(find(name, input, 'aggregate').name)] as const) : Object.entries(by);
    const list = groups.map(([, sql]) => `(${sql})`).join(', ');
    const outputs = [...groups.map(([name, sql]) => `(${sql}) AS ${quoteIdentifier(name)}`), ...Object.entries(measures).map(([name, sql]) => `(${sql}) AS ${quoteIdentifier(name)}`)];
    const grouping = groups.length > 0 ? ` GROUP BY ${list}` : ' HAVING count(*) > 0';
    return {
      kind: 'reshape',
      select: `SELECT ${outputs.join(', ')} FROM ${input.relation}${grouping}${groups.length > 0 ? ` ORDER BY ${list}` : ''}`,
      measure: `SELECT 0 AS created, CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS aggregated, 0 AS filtered, 0 AS deduplicated FROM (SELECT count(*) AS n FROM ${input.relation}${grouping})`,
      untouched: Array.isArray(by) ? by : [],
      keepsPosition: false,
      ...(groups.length > 0 && { grouping: { by: groups.map(([, sql]) => `(${sql})`), names: groups.map(([name]) => name), measures: Object.values(measures) } }),
    };
  },
});
