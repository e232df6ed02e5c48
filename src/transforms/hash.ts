import { z } from 'zod';
import { find, placing } from './columns';
import { hmacSql, secretOption } from './secrets';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const hash = defineStep({
  name: 'hash',
  summary: 'Adds a fingerprint of one or several columns, for keys and comparisons',
  example: 'hash: { columns: [id, name], to: row_hash }',
  keepsRows: () => true,
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns, in this order; NULL differs from empty text, and no two lists of values look alike'),
    to: z.string().describe('Column for the fingerprint, as hex'),
    algorithm: z.enum(['sha256', 'sha1', 'md5', 'hmac_sha256']).default('sha256').describe('hmac_sha256 needs "key"; the others can be guessed for short values: to hide a value use mask'),
    key: secretOption.optional(),
  }).refine(({ algorithm, key }) => (algorithm === 'hmac_sha256') === (key !== undefined), '"key" goes with "algorithm: hmac_sha256"'),
  secrets: ({ key }) => (key ? [key] : []),
  compile({ columns, to, algorithm, key }, input) {
    const values = columns.map((name) => `CAST(${quoteIdentifier(find(name, input, 'hash').name)} AS VARCHAR)`);
    // A JSON list keeps values apart; one value alone is hashed as it is, so that it equals the hash other systems make.
    const text = values.length === 1 ? values[0]! : `CAST(json_array(${values.join(', ')}) AS VARCHAR)`;
    return { kind: 'rows', guards: [], columns: placing(input, new Map([[to, algorithm === 'hmac_sha256' ? hmacSql(key!, text) : `${algorithm}(${text})`]])) };
  },
});
