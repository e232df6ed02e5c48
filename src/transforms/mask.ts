import { z } from 'zod';
import type { Column } from '../domain/column';
import { ConfigurationError } from '../domain/errors';
import { find, placing, textOf, wordOption } from './columns';
import { hmacSql, secretOption } from './secrets';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep, type CompileInput } from './step';

const ways = ['hmac', 'hash', 'partial', 'email', 'phone', 'credit_card', 'date_shift', 'range', 'redact', 'null'] as const;

const schema = z.strictObject({
  columns: z.array(z.string()).min(1).describe('Columns to mask'),
  with: wordOption(ways).describe(
    'hmac: a pseudonym by the key, equal for equal values; hash: the same without key, to be guessed for short values; partial: some signs at the ends stay; email: a pseudonym, the domain stays; ' +
    'phone: the last two digits stay; credit_card: the last four stay; date_shift: moved by a number of days that follows from "by" and the key; range: the step of "size" it lies in; redact: fixed text; null: nothing'),
  key: secretOption.optional(),
  first: z.int().min(0).default(0).describe('partial: signs at the start that stay'),
  last: z.int().min(0).default(4).describe('partial: signs at the end that stay; a value that would show half of itself or more is covered whole'),
  by: z.array(z.string()).default([]).describe('date_shift: columns that name the person or thing; all its dates move alike, so that distances stay'),
  days: z.int().min(1).max(3650).default(180).describe('date_shift: at most so many days forth or back'),
  size: z.number().positive().default(10).describe('range: width of a step'),
  text: z.string().default('***').describe('redact: what is put there'),
});
type Options = z.output<typeof schema>;

/** Ways that are nothing without a key. */
const keyed: readonly string[] = ['hmac', 'email', 'date_shift'];

export const mask = defineStep({
  name: 'mask',
  summary: 'Hides values: pseudonyms by a secret key, partial or coarser values, moved dates',
  example: 'mask: { columns: [email], with: email, key: "${env:MASK_KEY}" }',
  keepsRows: () => true,
  optionsSchema: schema.superRefine(({ with: way, key, by }, context) => {
    if (keyed.includes(way) && key === undefined) context.addIssue({ code: 'custom', message: `"with: ${way}" needs "key", a secret such as \${env:MASK_KEY}` });
    if (!keyed.includes(way) && key !== undefined) context.addIssue({ code: 'custom', message: `"with: ${way}" takes no key` });
    if (way === 'date_shift' && by.length === 0) context.addIssue({ code: 'custom', message: '"with: date_shift" needs "by", the columns that name whose date it is' });
  }),
  secrets: ({ key }) => (key ? [key] : []),
  compile(options, input) {
    const chosen = options.columns.map((name) => find(name, input, 'mask'));
    return { kind: 'rows', guards: [], columns: placing(input, new Map(chosen.map((column) => [column.name, masked(column, options, input)]))) };
  },
});

function masked(column: Column, options: Options, input: CompileInput): string {
  const text = textOf(column);
  switch (options.with) {
    case 'hmac': return hmacSql(options.key!, text);
    case 'hash': return `sha256(${text})`;
    case 'partial': return partial(text, options.first, options.last);
    case 'email': return `CASE WHEN contains(${text}, '@') THEN ${hmacSql(options.key!, `lower(trim(${text}))`)}[1:16] || '@' || lower(trim(split_part(${text}, '@', -1))) ELSE ${hmacSql(options.key!, text)}[1:16] END`;
    case 'phone': return covered(text, 2);
    case 'credit_card': return covered(text, 4);
    case 'date_shift': return shifted(column, options, input);
    case 'range': return stepped(column, options.size);
    case 'redact': return `CASE WHEN ${text} IS NOT NULL THEN ${quoteLiteral(options.text)} END`;
    case 'null': return `CAST(NULL AS ${column.type})`;
  }
}

const partial = (text: string, first: number, last: number): string =>
  `CASE WHEN length(${text}) > ${2 * (first + last)} THEN left(${text}, ${first}) || repeat('*', length(${text}) - ${first + last}) || ${last > 0 ? `right(${text}, ${last})` : "''"} ELSE repeat('*', length(${text})) END`;

/** All digits but the last become stars, signs between them stay; a value of fewer than twice as many digits is covered whole. */
function covered(text: string, last: number): string {
  // From the last digits that stay to the end; a number may be written with gaps.
  const tail = `regexp_extract(${text}, '(\\d\\D*){${last}}$')`;
  const hidden = (of: string, staying: string): string => `regexp_replace(${of}, '[^${staying}\\s+()./-]', '*', 'g')`;
  const digits = `length(regexp_replace(${text}, '\\D', '', 'g'))`;
  return `CASE WHEN ${digits} < ${2 * last} THEN ${hidden(text, '')} ELSE ${hidden(`left(${text}, length(${text}) - length(${tail}))`, '')} || ${hidden(tail, '\\d')} END`;
}

function shifted(column: Column, { by, key, days }: Options, input: CompileInput): string {
  if (!/^(DATE|TIMESTAMP)/.test(column.type)) throw new ConfigurationError(`compiling step "mask": column "${column.name}" is ${column.type}, "date_shift" needs a date or time; parse_timestamp makes one of text`, { step: 'mask', column: column.name });
  const whose = `CAST(json_array(${by.map((name) => `CAST(${quoteIdentifier(find(name, input, 'mask').name)} AS VARCHAR)`).join(', ')}) AS VARCHAR)`;
  const drawn = `(CAST('0x' || ${hmacSql(key!, whose)}[1:12] AS BIGINT) % ${2 * days} - ${days})`;
  // Never by nothing: 0 stands for the whole distance.
  const distance = `(CASE WHEN ${drawn} >= 0 THEN ${drawn} + 1 ELSE ${drawn} END)`;
  return `TRY(CAST(${quoteIdentifier(column.name)} + to_days(CAST(${distance} AS INTEGER)) AS ${column.type}))`;
}

/** `[30, 40)`; by remainders, so that no decimal passes through a binary number. */
function stepped(column: Column, size: number): string {
  if (!/^(DECIMAL|U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|FLOAT|DOUBLE)/.test(column.type)) throw new ConfigurationError(`compiling step "mask": column "${column.name}" is ${column.type}, "range" needs a number; cast or parse_number makes one of text`, { step: 'mask', column: column.name });
  const name = quoteIdentifier(column.name);
  const value = /^(FLOAT|DOUBLE)/.test(column.type) ? name : `CAST(${name} AS DECIMAL(38,6))`;
  const low = `(${value} - ((${value} % ${size}) + ${size}) % ${size})`;
  const number = (sql: string): string => `regexp_replace(CAST(${sql} AS VARCHAR), '(\\.\\d*?)0+$|\\.0*$', '\\1')`;
  return `TRY(CASE WHEN ${name} IS NOT NULL THEN '[' || rtrim(${number(low)}, '.') || ', ' || rtrim(${number(`${low} + ${size}`)}, '.') || ')' END)`;
}
