import { z } from 'zod';
import { find, replacing, same } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep } from './step';

const formats = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

export const parseTimestamp = defineStep({
  name: 'parse_timestamp',
  summary: 'Reads dates and times out of text by one or several formats, tried in order',
  example: 'parse_timestamp: { column: close_date, format: "%Y-%m-%d", as: date }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    column: z.string().describe('Text column'),
    format: formats.describe('strptime format, or a list of them'),
    timezone: z.string().optional().describe('Zone of the text; the result is then an instant (TIMESTAMP WITH TIME ZONE)'),
    as: z.enum(['timestamp', 'date']).default('timestamp').describe('What to make of it'),
    to: z.string().optional().describe('Column for the result; default: in place'),
  }),
  compile({ column, format, timezone, as, to }, input) {
    const { name, type } = find(column, input, 'parse_timestamp');
    const text = type === 'VARCHAR' ? `trim(${quoteIdentifier(name)})` : `CAST(${quoteIdentifier(name)} AS VARCHAR)`;
    const list = (Array.isArray(format) ? format : [format]).map(quoteLiteral).join(', ');
    const parsed = `try_strptime(${text}, [${list}])`;
    const value = as === 'date' ? `CAST(${parsed} AS DATE)` : timezone ? `timezone(${quoteLiteral(timezone)}, CAST(${parsed} AS TIMESTAMP))` : `CAST(${parsed} AS TIMESTAMP)`;
    const output = to ?? name;
    const columns = input.columns.some((other) => other.name === output) ? replacing(input, new Map([[output, value]])) : [...input.columns.map(same), { name: output, sql: value, computed: true }];
    return { kind: 'rows', columns, guards: [{ column: name, output, reason: `is not a date of the form ${Array.isArray(format) ? format.join(' or ') : format}`, when: `${quoteIdentifier(name)} IS NOT NULL AND (${value}) IS NULL` }] };
  },
});
