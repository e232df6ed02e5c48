import { z } from 'zod';
import { find, isText, refuseOtherTypes, refuseTaken, same, typeOption } from './columns';
import { allFields, grokFields, grokProblem } from './parse-grok';
import { jsonFields, urlFields } from './parse-sql';
import { quoteIdentifier } from './quote';
import { defineStep, programError, type Compiled, type CompileInput, type Guard } from './step';

const formats = ['json', 'xml', 'csv', 'url', 'logfmt', 'grok'] as const;
const nested = z.union([typeOption, z.literal('JSON')]);
const field = z.union([nested, z.strictObject({ path: z.string().min(1).describe('Where it is, if not at its own name'), type: nested.default('VARCHAR').describe('DuckDB type') })]);

const schema = z.strictObject({
  column: z.string().describe('Text column'),
  format: z.enum(formats).describe('What is written in it'),
  fields: z.record(z.string().min(1), field).default({}).describe(
    'New column: its type, or { path, type }. Paths: json and xml a.b[0].c, xml attributes a.@id; url scheme, user, host, port, path, query, fragment and query.NAME; logfmt the key; csv fields are taken in the order written; grok the name in the pattern, and without "fields" all that it has'),
  pattern: z.string().min(1).optional().describe('grok: %{NAME:field} for what is wanted, or the name of a well-known log such as apache_combined'),
  patterns: z.record(z.string().regex(/^\w+$/), z.string()).default({}).describe('grok: patterns of your own, by name'),
  separator: z.string().length(1).default(',').describe('csv: sign between fields'),
  keep: z.boolean().default(false).describe('Keep the text column'),
}).superRefine(({ format, fields, pattern, patterns }, context) => {
  const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if ((format === 'grok') !== (pattern !== undefined)) problem('pattern', '"pattern" and "format: grok" go together');
  else if (pattern !== undefined) {
    const wrong = grokProblem(pattern, patterns, Object.entries(fields).map(([name, written]) => (typeof written === 'string' ? name : written.path)));
    if (wrong !== null) problem('pattern', wrong);
  }
  if (format !== 'grok' && Object.keys(fields).length === 0) problem('fields', 'name at least one field');
});
export type ParseOptions = z.output<typeof schema>;

/** A field on its way: its value, and the same as text, to tell a value of another type from none. */
export interface ParsedField {
  readonly name: string;
  readonly type: string;
  readonly path: string;
}

export const parse = defineStep({
  name: 'parse',
  summary: 'Reads fields out of text that is itself JSON, XML, a CSV line, a URL or key=value',
  example: 'parse: { column: payload, format: json, fields: { order_id: { path: order.id, type: BIGINT } } }',
  takesOnError: true,
  optionsSchema: schema,
  compile(options, input) {
    const column = find(options.column, input, 'parse');
    refuseOtherTypes(column, 'parse', ['VARCHAR', 'JSON']);
    const fields = Object.entries(options.fields).map(([name, written]): ParsedField => (typeof written === 'string' ? { name, type: written, path: name } : { name, type: written.type, path: written.path }));
    if (options.format === 'grok' && fields.length === 0) fields.push(...allFields(options));
    const rest = input.columns.filter(({ name }) => options.keep || name !== options.column);
    for (const { name } of fields) refuseTaken(name, { ...input, columns: rest }, 'parse');
    const text = isText(column) ? quoteIdentifier(column.name) : `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`;
    const own = { rest: rest.map(same), column: column.name, text, fields };
    // JSON functions read numbers as doubles: exact ones go the longer way.
    if (options.format === 'json' && !fields.some(({ type }) => /^(DECIMAL|NUMERIC|HUGEINT)/i.test(type))) return jsonFields(own);
    if (options.format === 'grok') return grokFields(own, options, input.relation);
    return options.format === 'url' ? urlFields(own) : byProgram(own, options, input);
  },
});

function byProgram({ rest, column, text, fields }: { readonly rest: readonly ReturnType<typeof same>[]; readonly column: string; readonly text: string; readonly fields: readonly ParsedField[] }, { format, separator }: ParseOptions, _input: CompileInput): Compiled {
  const value = (index: number): string => `_millrace_out_${index}`;
  const raw = (index: number): string => `_millrace_raw_${index}`;
  const first = fields[0]!.name;
  const guards: Guard[] = [
    { column, output: first, reason: `is not ${format}`, reasonSql: programError, when: `${programError} IS NOT NULL` },
    ...fields.map(({ name, type }, index): Guard => ({ column, output: name, reason: `has a "${name}" that is not a ${type.toUpperCase()}`, when: `${value(index)} IS NULL AND json_type(${raw(index)}) <> 'NULL'` })),
  ];
  return {
    kind: 'rows', guards, columns: [...rest, ...fields.map(({ name }, index) => ({ name, sql: value(index), computed: true }))],
    program: {
      program: 'parse', settings: { format, separator, fields: fields.map(({ path, type }, index) => ({ path, json: type.toUpperCase() === 'JSON' || type.endsWith('[]'), outputs: [value(index), raw(index)] })) },
      inputs: [{ name: 'text', sql: text }],
      outputs: [...fields.map(({ type }, index) => ({ name: value(index), type })), ...fields.map((_, index) => ({ name: raw(index), type: 'JSON' }))],
    },
  };
}
