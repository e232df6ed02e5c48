import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { find, refuseTaken, typeOption } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep } from './step';

export const unpivot = defineStep({
  name: 'unpivot',
  summary: 'Makes columns into rows: one row per column, with its name and its value',
  example: 'unpivot: { columns: [total, tax], name: kind, value: money }',
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns that become rows; the others are repeated'),
    name: z.string().default('name').describe('Column for their names'),
    value: z.string().default('value').describe('Column for their values'),
    type: typeOption.optional().describe('Type of the values; without it the narrowest that holds all'),
    nulls: z.enum(['drop', 'keep']).default('drop').describe('What becomes of columns without a value; a row without any counts as filtered'),
  }),
  scope: () => 'row',
  compile({ columns, name, value, type, nulls }, input) {
    const chosen = columns.map((column) => find(column, input, 'unpivot').name);
    const rest = input.columns.filter((column) => !chosen.includes(column.name));
    for (const added of [name, value]) refuseTaken(added, { ...input, columns: rest }, 'unpivot');
    const cell = (column: string): string => (type ? `CAST(${quoteIdentifier(column)} AS ${type})` : quoteIdentifier(column));
    const all = `SELECT ${[...rest.map((column) => quoteIdentifier(column.name)), `unnest([${chosen.map(quoteLiteral).join(', ')}]) AS ${quoteIdentifier(name)}`, `unnest([${chosen.map(cell).join(', ')}]) AS ${quoteIdentifier(value)}`, quoteIdentifier(positionColumn)].join(', ')} FROM ${input.relation}`;
    const present = chosen.map((column) => `(${quoteIdentifier(column)} IS NOT NULL)::BIGINT`).join(' + ');
    return {
      kind: 'reshape', keepsPosition: true, untouched: rest.map((column) => column.name),
      select: nulls === 'keep' ? all : `SELECT * FROM (${all}) WHERE ${quoteIdentifier(value)} IS NOT NULL`,
      // Values per row, counted in the columns and apart from the rows made.
      measure: nulls === 'keep'
        ? `SELECT CAST(count(*) * ${chosen.length - 1} AS BIGINT) AS created, 0 AS aggregated, 0 AS filtered, 0 AS deduplicated FROM ${input.relation}`
        : `SELECT CAST(coalesce(sum(n - 1) FILTER (n > 1), 0) AS BIGINT) AS created, 0 AS aggregated, count(*) FILTER (n = 0) AS filtered, 0 AS deduplicated FROM (SELECT ${present} AS n FROM ${input.relation})`,
    };
  },
});
