import { z } from 'zod';
import { find, lost, placing, refuseOtherTypes, refuseTaken, same } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep, type Guard } from './step';

export const split = defineStep({
  name: 'split',
  summary: 'Parts text at a sign, into columns or into a list',
  example: 'split: { column: name, by: " ", into: [first_name, last_name], extra: merge }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    column: z.string().describe('Text column'),
    by: z.string().min(1).describe('Where it is parted'),
    regex: z.boolean().default(false).describe('"by" is a regular expression (RE2)'),
    into: z.array(z.string()).min(1).optional().describe('New columns, in order; without it the column becomes a list'),
    trim: z.boolean().default(true).describe('White space around the parts goes; empty parts of columns become NULL'),
    extra: z.enum(['error', 'merge', 'drop']).default('error').describe('More parts than columns: an error, all in the last column, or left out'),
    keep: z.boolean().default(false).describe('Keep the column that was parted'),
  }),
  compile({ column: name, by, regex, into, trim, extra, keep }, input) {
    const column = find(name, input, 'split');
    refuseOtherTypes(column, 'split', ['VARCHAR']);
    const parts = regex ? `string_split_regex(${quoteIdentifier(name)}, ${quoteLiteral(by)})` : `string_split(${quoteIdentifier(name)}, ${quoteLiteral(by)})`;
    const cleaned = trim ? `list_transform(${parts}, lambda part: trim(part))` : parts;
    if (!into) return { kind: 'rows', guards: [], columns: placing(input, new Map([[name, cleaned]])) };
    for (const output of into.filter((other) => other !== name || keep)) refuseTaken(output, input, 'split');
    const value = (index: number): string => {
      const last = index === into.length - 1 && extra === 'merge';
      const part = last ? `array_to_string((${parts})[${index + 1}:], ${quoteLiteral(regex ? ' ' : by)})` : `(${parts})[${index + 1}]`;
      return trim ? `nullif(trim(${part}), '')` : last ? `CASE WHEN len(${parts}) > ${index} THEN ${part} END` : part;
    };
    const guards: Guard[] = extra === 'error' ? [{ ...lost(column, 'NULL', `has more than ${into.length} parts`, into[0]!), when: `len(${parts}) > ${into.length}` }] : [];
    return {
      kind: 'rows', guards,
      columns: [...input.columns.filter((other) => keep || other.name !== name).map(same), ...into.map((output, index) => ({ name: output, sql: value(index), computed: true }))],
    };
  },
});

