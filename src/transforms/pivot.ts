import { z } from 'zod';
import { positionColumn } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find, refuseTaken, textOf } from './columns';
import { quoteIdentifier, quoteList, quoteLiteral } from './quote';
import { defineStep, type Guard } from './step';

const measures = ['sum', 'avg', 'min', 'max', 'count', 'first', 'last'] as const;

export const pivot = defineStep({
  name: 'pivot',
  summary: 'Makes rows into columns: one row per group, one column per listed value of a column',
  example: 'pivot: { by: [region], names_from: status, values: [A, closed], values_from: total, measure: sum }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    by: z.array(z.string()).min(1).describe('Columns that make a group; NULL makes one of its own'),
    names_from: z.string().describe('Column whose values become columns'),
    values: z.array(z.string()).min(1).describe('Those values; they are listed, so that the table has the same columns in each run'),
    values_from: z.string().describe('Column that the new columns take their values from'),
    measure: z.enum(measures).default('first').describe('How several rows of one group and name are put together; first and last in source order'),
    prefix: z.string().default('').describe('Put before the new columns\' names'),
    others: z.enum(['error', 'ignore']).default('error').describe('Rows with another value in names_from: an error, or left out of the new columns (their group is still there)'),
  }),
  scope: () => 'stream',
  compile({ by, names_from: namesFrom, values, values_from: valuesFrom, measure, prefix, others }, input) {
    for (const name of by) find(name, input, 'pivot');
    const key = textOf(find(namesFrom, input, 'pivot'));
    const value = quoteIdentifier(find(valuesFrom, input, 'pivot').name);
    if (new Set(values).size < values.length) throw new ConfigurationError('compiling step "pivot": a value stands twice in "values"');
    for (const name of values) refuseTaken(`${prefix}${name}`, { ...input, columns: input.columns.filter((column) => by.includes(column.name)) }, 'pivot');
    const order = ` ORDER BY ${quoteIdentifier(positionColumn)}`;
    const measured = (name: string): string =>
      `${measure}(${value}${measure === 'first' || measure === 'last' ? order : ''}) FILTER (${key} = ${quoteLiteral(name)}) AS ${quoteIdentifier(prefix + name)}`;
    const guards: Guard[] = others === 'ignore' ? [] : [{
      column: namesFrom, output: namesFrom, reason: 'is not among the values of pivot', when: `(${key} IN (${values.map(quoteLiteral).join(', ')})) IS NOT TRUE`,
    }];
    return {
      kind: 'reshape', keepsPosition: false, untouched: by, guards,
      select: `SELECT ${quoteList(by)}, ${values.map(measured).join(', ')} FROM ${input.relation} GROUP BY ${quoteList(by)} ORDER BY ${quoteList(by)}`,
      measure: `SELECT 0 AS created, CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS aggregated, 0 AS filtered, 0 AS deduplicated FROM (SELECT count(*) AS n FROM ${input.relation} GROUP BY ${quoteList(by)})`,
    };
  },
});
