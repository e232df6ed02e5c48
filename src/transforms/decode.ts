import { z } from 'zod';
import { find, lost, placing, refuseOtherTypes } from './columns';
import { charsetProgram, isUtf8 } from './encode';
import { quoteIdentifier } from './quote';
import { defineStep, type Compiled, type Guard } from './step';

const forms = ['base64', 'hex', 'url', 'bytes'] as const;
type Form = (typeof forms)[number];

export const decode = defineStep({
  name: 'decode',
  summary: 'Reads text or bytes out of base64, hex or URL text, or text out of bytes of a character set',
  example: 'decode: { columns: [code], from: base64 }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns of text; of bytes with from: bytes'),
    from: z.enum(forms).describe('How they are written'),
    charset: z.string().default('utf-8').describe('Character set of the bytes, e.g. windows-1252, shift_jis or utf-16le'),
    to: z.enum(['text', 'bytes']).default('text').describe('bytes: leave them undecoded, as BLOB'),
  }),
  compile({ columns, from, charset, to }, input): Compiled {
    const chosen = columns.map((name) => find(name, input, 'decode'));
    for (const column of chosen) refuseOtherTypes(column, 'decode', from === 'bytes' ? ['BLOB'] : ['VARCHAR']);
    const own = chosen.map((column, index) => ({ column, output: `_millrace_out_${index}`, bytes: bytesOf(quoteIdentifier(column.name), from) }));
    const malformed: readonly Guard[] = from === 'bytes' ? [] : own.map(({ column, bytes }) => lost(column, bytes, `is not ${from}`));
    if (to === 'bytes') return { kind: 'rows', columns: placing(input, new Map(own.map(({ column, bytes }) => [column.name, bytes]))), guards: malformed };
    if (isUtf8(charset)) {
      const text = (bytes: string): string => `TRY(decode(${bytes}))`;
      const misread = own.map(({ column, bytes }): Guard => ({ column: column.name, output: column.name, reason: 'is not UTF-8', when: `(${bytes}) IS NOT NULL AND ${text(bytes)} IS NULL` }));
      return { kind: 'rows', columns: placing(input, new Map(own.map(({ column, bytes }) => [column.name, text(bytes)]))), guards: [...malformed, ...misread] };
    }
    const values = new Map(own.map(({ column, output }) => [column.name, quoteIdentifier(output)]));
    return charsetProgram(input, values, 'decode', charset, own.map(({ column, output, bytes }) => ({ column: column.name, output, sql: `to_base64(${bytes})`, type: 'VARCHAR' })), malformed);
  },
});

/** NULL where the text is malformed. */
function bytesOf(name: string, from: Form): string {
  switch (from) {
    case 'base64': return `TRY(from_base64(${name}))`;
    case 'hex': return `TRY(unhex(${name}))`;
    // DuckDB leaves a lone "%" as it is.
    case 'url': return `CASE WHEN NOT regexp_matches(${name}, '%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|[0-9A-Fa-f]?$)') THEN TRY(encode(url_decode(${name}))) END`;
    case 'bytes': return name;
  }
}
