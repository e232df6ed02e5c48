import { z } from 'zod';
import { quoteLiteral } from '../transforms/quote';
import { ConfigurationError } from '../domain/errors';
import type { Session } from '../transforms/duckdb-engine';
import { encodingOf, encodingOption } from './encoding';
import type { Fit } from './fits';
import { defineFormat } from './format';
import { compileGrok, type CompiledGrok, type GrokField } from './grok-patterns';
import { countLines, tallyOfLines, type LinesRequest } from './lines-of';
import { readLines } from './read-lines';
import { multilineOption, continuationOf } from './multiline';

const compiles = (pattern: string, own: Readonly<Record<string, string>>): string | null => {
  try {
    compileGrok(pattern, own);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

const optionsSchema = z.strictObject({
  pattern: z.string().min(1).describe('%{NAME:field} for what is wanted, or the name of a well-known log: apache_combined, apache_common, apache_error, nginx_access, nginx_error, syslog_rfc3164, syslog_rfc5424, elb, alb, cloudfront, s3_access, java'),
  patterns: z.record(z.string().regex(/^\w+$/), z.string()).default({}).describe('Patterns of your own, by name'),
  nulls: z.array(z.string()).default(['-', '']).describe('Values that mean NULL'),
  comment: z.string().max(1).default('').describe('Lines that start with it are left out; empty: there are none. CloudFront logs have "#"'),
  multiline: multilineOption,
  encoding: encodingOption,
}).superRefine(({ pattern, patterns }, context) => {
  const problem = compiles(pattern, patterns);
  if (problem) context.addIssue({ code: 'custom', path: ['pattern'], message: problem });
});
type GrokOptions = z.output<typeof optionsSchema>;

const linesOf = (path: string, { multiline, comment }: GrokOptions): LinesRequest => ({ path, comment, ...(multiline !== 'none' && { continues: continuationOf(multiline) }) });

export const grok = defineFormat({
  name: 'grok',
  summary: 'Log lines (or events of several lines) by a grok pattern; what does not match is quarantined with its line',
  extensions: [],
  cutsAtLines: true,
  followable: true,
  optionsSchema,
  resolve: async (path, options) => ({ ...options, encoding: await encodingOf(path, options.encoding) }),
  async infer(session, _path, options) {
    const compiled = compileGrok(options.pattern, options.patterns);
    await refuseWrongExpression(session, compiled);
    return compiled.fields.map(({ name, type }) => ({ name, type, nullable: true }));
  },
  count: (session, path, options) => countLines(session, linesOf(path, options)),
  tally: async (path, options) => tallyOfLines(linesOf(path, options)),
  read: (session, options, request) => readLines(session, linesOf(request.path, options), request, (from) => {
    const compiled = compileGrok(options.pattern, options.patterns);
    const byName = new Map(compiled.fields.map((field) => [field.name, field]));
    return {
      records: `SELECT ordinal, line, m, coalesce(shown, CAST(to_json(raw) AS VARCHAR)) AS raw, coalesce(problem, CASE WHEN m.whole = '' THEN 'does not match the pattern' END) AS problem FROM (SELECT *, ${extracted('raw', compiled)} AS m FROM ${from})`,
      text: ({ name }) => fieldText(byName.get(name), options.nulls),
      fit: (column, text) => fitOfField(byName.get(column.name), column.type, text),
    };
  }),
});

/** All groups of a record's text, in one look. */
export const extracted = (text: string, { regex, groups }: CompiledGrok): string => `regexp_extract(${text}, ${quoteLiteral(regex)}, [${groups.map(quoteLiteral).join(', ')}])`;

/** A group that took no part is empty, as is one that matched nothing. */
export function fieldText(field: GrokField | undefined, nulls: readonly string[], struct = 'm'): string {
  if (!field) return 'NULL::VARCHAR';
  const texts = field.groups.map((group) => `nullif(${struct}.${group}, '')`);
  const text = texts.length === 1 ? texts[0]! : `coalesce(${texts.join(', ')})`;
  return nulls.filter((value) => value !== '').reduce((inner, value) => `nullif(${inner}, ${quoteLiteral(value)})`, text);
}

/** Times in a layout of their own; in their own type only, so that `types:` still overrides. */
export function fitOfField(field: GrokField | undefined, type: string, text: string): Fit | null {
  if (!field?.layout || field.type !== type) return null;
  const value = `try_strptime(${text}, ${field.layout.length === 1 ? quoteLiteral(field.layout[0]!) : `[${field.layout.map(quoteLiteral).join(', ')}]`})`;
  return { misfit: `(${text} IS NOT NULL AND ${value} IS NULL)`, value, reason: `is not a ${type} value, or not one that exists` };
}

/** RE2 knows no lookarounds and no back references. */
async function refuseWrongExpression(session: Session, compiled: CompiledGrok): Promise<void> {
  try {
    await session.row(`SELECT ${extracted("''", compiled)} AS m`);
  } catch (error) {
    throw new ConfigurationError(`compiling a grok pattern: ${String((error as Error).message).split('\n')[0]}; lookarounds and back references are not available: write it without`);
  }
}
