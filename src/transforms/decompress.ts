import { z } from 'zod';
import { find, placing, refuseOtherTypes } from './columns';
import { programGuard } from './encode';
import { quoteIdentifier } from './quote';
import { defineStep } from './step';

export const decompress = defineStep({
  name: 'decompress',
  summary: 'Opens compressed values',
  example: 'decompress: { columns: [code], format: gzip, from: base64 }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns of bytes, or of text in which bytes are written'),
    format: z.enum(['gzip', 'deflate', 'deflate_raw', 'brotli']).default('gzip').describe('How they are compressed'),
    from: z.enum(['bytes', 'base64', 'hex']).default('bytes').describe('bytes: a BLOB; base64 or hex: text'),
    to: z.enum(['text', 'bytes']).default('text').describe('What they are opened to: UTF-8 text, or a BLOB'),
    max_bytes: z.int().min(1).max(20_000_000).default(10_000_000).describe('A value that opens to more is an error'),
  }),
  compile({ columns, format, from, to, max_bytes: most }, input) {
    const chosen = columns.map((name, index) => ({ column: find(name, input, 'decompress'), name: `_millrace_out_${index}` }));
    for (const { column } of chosen) refuseOtherTypes(column, 'decompress', from === 'bytes' ? ['BLOB'] : ['VARCHAR']);
    const bytes = (name: string): string => (from === 'bytes' ? name : from === 'base64' ? `TRY(from_base64(${name}))` : `TRY(unhex(${name}))`);
    return {
      kind: 'rows', columns: placing(input, new Map(chosen.map(({ column, name }) => [column.name, quoteIdentifier(name)]))),
      guards: chosen.map(({ column, name }) => programGuard(column.name, column.name, from === 'bytes' ? `is not ${format}` : `is not ${format} in ${from}`, `${quoteIdentifier(column.name)} IS NOT NULL AND ${quoteIdentifier(name)} IS NULL`)),
      program: {
        program: 'decompress', settings: { format, text: to === 'text', max_bytes: most },
        inputs: chosen.map(({ column, name }) => ({ name, sql: `to_base64(${bytes(quoteIdentifier(column.name))})` })),
        outputs: chosen.map(({ name }) => ({ name, type: to === 'text' ? 'VARCHAR' : 'BLOB' })),
      },
    };
  },
});
