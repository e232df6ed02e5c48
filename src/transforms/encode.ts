import { z } from 'zod';
import { find, placing, textOf } from './columns';
import { quoteIdentifier } from './quote';
import { defineStep, programError, type CompileInput, type Compiled, type Guard } from './step';

export const encode = defineStep({
  name: 'encode',
  summary: 'Writes text or bytes as base64, hex or for a URL, or text as bytes of a character set',
  example: 'encode: { columns: [note], as: base64 }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Columns of text or bytes; other types as their text'),
    as: z.enum(['base64', 'hex', 'url', 'bytes']).describe('bytes: a BLOB in the character set'),
    charset: z.string().default('utf-8').describe('Character set of the bytes, e.g. windows-1252 or utf-16le'),
  }),
  compile({ columns, as, charset }, input): Compiled {
    const chosen = columns.map((name) => find(name, input, 'encode'));
    const written = (bytes: string): string => (as === 'base64' ? `to_base64(${bytes})` : as === 'hex' ? `lower(hex(${bytes}))` : bytes);
    if (as === 'url') return { kind: 'rows', guards: [], columns: placing(input, new Map(chosen.map((column) => [column.name, `url_encode(${textOf(column)})`]))) };
    const own = chosen.map((column, index) => ({ column, output: `_millrace_out_${index}`, bytes: column.type === 'BLOB' ? quoteIdentifier(column.name) : `encode(${textOf(column)})` }));
    const foreign = own.filter(({ column }) => !isUtf8(charset) && column.type !== 'BLOB');
    const values = new Map(own.map((one) => [one.column.name, written(foreign.includes(one) ? quoteIdentifier(one.output) : one.bytes)]));
    if (foreign.length === 0) return { kind: 'rows', guards: [], columns: placing(input, values) };
    return charsetProgram(input, values, 'encode', charset, foreign.map(({ column, output }) => ({ column: column.name, output, sql: textOf(column), type: 'BLOB' })));
  },
});

export const isUtf8 = (charset: string): boolean => /^utf-?8$/i.test(charset);

interface Converted {
  readonly column: string;
  readonly output: string;
  readonly sql: string;
  readonly type: string;
}

/** Character sets that DuckDB does not know are converted by Node's tables. */
export function charsetProgram(input: CompileInput, values: ReadonlyMap<string, string>, direction: 'encode' | 'decode', charset: string, converted: readonly Converted[], more: readonly Guard[] = []): Compiled {
  const failing = (column: string, output: string): Guard => programGuard(column, column, `cannot be written in or read from ${charset}`, `(${quoteIdentifier(column)} IS NOT NULL AND ${quoteIdentifier(output)} IS NULL)`);
  return {
    kind: 'rows', columns: placing(input, values), guards: [...more, ...converted.map(({ column, output }) => failing(column, output))],
    program: {
      program: 'charset', settings: { direction, charset },
      inputs: converted.map(({ output, sql }) => ({ name: output, sql })), outputs: converted.map(({ output, type }) => ({ name: output, type })),
    },
  };
}

/** A row that a program could not work on; its own words are the reason. */
export const programGuard = (column: string, output: string, reason: string, when: string): Guard =>
  ({ column, output, reason, reasonSql: programError, when });

