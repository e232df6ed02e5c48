import { z } from 'zod';
import { compressions, glance, openBytes } from './bytes';
import { csvRule } from './csv-rule';
import { encodingOf, encodingOption } from './encoding';
import { scanRecords } from './scan';
import { quoteLiteral } from '../transforms/quote';

const character = z.string().regex(/^[\x01-\x7f]$/, 'write one ASCII character');

export const csvOptionsSchema = z.strictObject({
  delimiter: character.or(z.literal('auto')).default('auto').describe('What parts the values; auto: the one of , ; tab | that parts the first records most evenly'),
  quote: character.or(z.literal('')).default('"').describe('What surrounds values that hold a delimiter or a line break; empty: nothing does'),
  escape: character.or(z.literal('')).default('"').describe('What stands before a quote inside quotes'),
  header: z.boolean().default(true).describe('Whether the first record names the columns; without it they are column0, column1, …'),
  header_lines: z.number().int().min(1).max(10).default(1).describe('Records that make up the header; names are joined'),
  skip: z.number().int().min(0).max(10_000).default(0).describe('Lines before the header'),
  comment: character.or(z.literal('')).default('').describe('Lines that start with it are left out; empty: there are none'),
  ragged: z.enum(['reject', 'pad']).default('reject').describe('Records with too few values: set aside, or filled up with NULL; with too many they are always set aside'),
  decimal: z.enum(['.', ',']).default('.').describe('What parts the fraction of a number; with a comma, dots may part thousands'),
  nulls: z.array(z.string()).default(['']).describe('Unquoted values that mean NULL'),
  quoted_nulls: z.boolean().default(false).describe('Whether they mean NULL inside quotes, too: for systems that quote every value'),
  encoding: encodingOption,
  compression: z.enum(compressions).default('auto').describe('For writing; read files are unpacked whatever their name'),
});
export type CsvOptions = z.output<typeof csvOptionsSchema>;

/** Records that are looked at, and what could part their values, likeliest first. */
const looked = 200;
const delimiters = [',', ';', '\t', '|'] as const;

/** Encoding and delimiter as the file has them, where the options leave that to it. */
export async function resolveDialect(path: string, options: CsvOptions): Promise<CsvOptions> {
  const encoding = await encodingOf(path, options.encoding);
  return { ...options, encoding, delimiter: options.delimiter === 'auto' ? await delimiterOf(path, options, encoding) : options.delimiter };
}

async function delimiterOf(path: string, options: CsvOptions, encoding: string): Promise<string> {
  // A NUL beside each character, as in UTF-16, is nothing that parts values; that text is looked at once it is UTF-8.
  if (encoding.startsWith('utf-16')) return 'auto';
  let best = { delimiter: ',', score: 0 };
  for (const delimiter of delimiters) {
    const score = await evenness(path, { ...options, delimiter });
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

/** Share of the first records that have as many values as the first one; 0 where that has one only. */
async function evenness(path: string, options: CsvOptions): Promise<number> {
  const counts: number[] = [];
  for await (const group of scanRecords(openBytes(path, options.compression, glance), csvRule({ ...options, columns: null }))) {
    for (const { fields, problem } of group.slice(0, looked - counts.length)) counts.push(problem === null ? fields.length : 0);
    if (counts.length >= looked) break;
  }
  const [first = 0] = counts;
  return first < 2 ? 0 : counts.filter((count) => count === first).length / counts.length + first / 1e6;
}

/** SQL of a number's text with a decimal point, from one with a decimal comma; what is neither is no number. */
export const withDecimalPoint = (text: string): string =>
  `CASE WHEN regexp_full_match(${text}, ${quoteLiteral(String.raw`\s*[+-]?\d{1,3}(\.\d{3})+(,\d*)?\s*`)}) THEN replace(replace(${text}, '.', ''), ',', '.') WHEN contains(${text}, '.') THEN 'x' ELSE replace(${text}, ',', '.') END`;

const numbers = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U[A-Z]+INT|DECIMAL|NUMERIC|DOUBLE|FLOAT|REAL|INT\d?)\b/i;
export const isNumber = (type: string): boolean => numbers.test(type);
