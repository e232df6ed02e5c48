import { z } from 'zod';
import { find, placing, refuseOtherTypes } from './columns';
import { programGuard } from './encode';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const unarchive = defineStep({
  name: 'unarchive',
  summary: 'Opens a ZIP or TAR file that is a value into a list of { name, content }; "explode" and "flatten" make rows and columns of it',
  example: 'unarchive: { column: code, format: zip, from: base64 }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    column: z.string().describe('Column of bytes, or of text in which bytes are written'),
    format: z.enum(['zip', 'tar', 'tar_gz']).default('zip').describe('Kind of archive'),
    from: z.enum(['bytes', 'base64', 'hex']).default('bytes').describe('bytes: a BLOB; base64 or hex: text'),
    content: z.enum(['text', 'base64']).default('text').describe('Content as UTF-8 text, or as base64'),
    max_bytes: z.int().min(1).max(20_000_000).default(10_000_000).describe('An archive that opens to more is an error'),
  }),
  compile({ column: name, format, from, content, max_bytes: most }, input) {
    const column = find(name, input, 'unarchive');
    refuseOtherTypes(column, 'unarchive', from === 'bytes' ? ['BLOB'] : ['VARCHAR']);
    const value = quoteIdentifier(name);
    const bytes = from === 'bytes' ? value : from === 'base64' ? `TRY(from_base64(${value}))` : `TRY(unhex(${value}))`;
    return {
      kind: 'rows', columns: placing(input, new Map([[name, '_millrace_out']])),
      guards: [programGuard(name, name, `is not ${format}${from === 'bytes' ? '' : ` in ${from}`}`, `${value} IS NOT NULL AND _millrace_out IS NULL`)],
      program: {
        program: 'unarchive', settings: { format, content, max_bytes: most },
        inputs: [{ name: 'bytes', sql: `to_base64(${bytes})` }], outputs: [{ name: '_millrace_out', type: 'STRUCT("name" VARCHAR, "content" VARCHAR)[]' }],
      },
    };
  },
});
