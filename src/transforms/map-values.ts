import { z } from 'zod';
import { find, replacing } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep } from './step';

export const mapValues = defineStep({
  name: 'map_values',
  summary: 'Translates values by a table',
  example: 'map_values: { column: status, values: { A: active, C: closed } }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    column: z.string().describe('Column to translate'),
    values: z.record(z.string(), z.union([z.string(), z.null()])).describe('Value: what it becomes'),
    default: z.string().optional().describe('For values that are not in the table; without it they are errors'),
  }),
  compile({ column, values, default: otherwise }, input) {
    const { name } = find(column, input, 'map_values');
    const text = `CAST(${quoteIdentifier(name)} AS VARCHAR)`;
    const entries = Object.entries(values);
    const cases = entries.map(([from, to]) => `WHEN ${text} = ${quoteLiteral(from)} THEN ${to === null ? 'NULL' : quoteLiteral(to)}`).join(' ');
    const value = `CASE WHEN ${text} IS NULL THEN NULL ${cases} ELSE ${otherwise === undefined ? 'NULL' : quoteLiteral(otherwise)} END`;
    const known = entries.map(([from]) => quoteLiteral(from)).join(', ');
    const guards = otherwise === undefined ? [{ column: name, output: name, reason: 'is not in the table of values', when: `${text} NOT IN (${known})` }] : [];
    return { kind: 'rows', columns: replacing(input, new Map([[name, value]])), guards };
  },
});
