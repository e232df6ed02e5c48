import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { castOf } from './cast';
import { find, lost, placing, textOf, typeOption } from './columns';
import { quoteLiteral } from './quote';
import { defineStep, type Guard } from './step';

export const parseNumber = defineStep({
  name: 'parse_number',
  summary: 'Reads numbers written by people: 1.234,50 € or (1,234.50) or 12 %',
  example: 'parse_number: { columns: [amount], locale: de, type: "DECIMAL(12,2)" }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    columns: z.array(z.string()).min(1).describe('Text columns'),
    locale: z.string().default('en').describe('How the text is written: a language or region such as de, fr, de-CH, en-IN'),
    decimal: z.string().length(1).optional().describe('Decimal sign, instead of the locale\'s'),
    group: z.string().length(1).optional().describe('Sign between groups of digits, instead of the locale\'s'),
    type: typeOption.default('DECIMAL(18,6)').describe('Type of the result; a number that does not fit it exactly is an error'),
    currency: z.boolean().default(true).describe('Currency signs and codes around the number are let pass'),
    percent: z.boolean().default(true).describe('12 % is 0.12'),
  }),
  compile({ columns, ...how }, input) {
    const signs = signsOf(how);
    const values = new Map<string, string>();
    const guards: Guard[] = [];
    for (const column of columns.map((name) => find(name, input, 'parse_number'))) {
      const value = numberOf(textOf(column), signs, how);
      values.set(column.name, value);
      guards.push(lost(column, value, `is not a number of the locale ${how.locale} that fits ${how.type.toUpperCase()}`));
    }
    return { kind: 'rows', columns: placing(input, values), guards };
  },
});

interface Signs {
  readonly decimal: string;
  readonly group: string;
}

/** What the language itself writes, from the tables of Unicode in Node. */
function signsOf({ locale, decimal, group }: { readonly locale: string; readonly decimal?: string | undefined; readonly group?: string | undefined }): Signs {
  let parts: readonly Intl.NumberFormatPart[];
  try {
    parts = new Intl.NumberFormat(locale, { numberingSystem: 'latn' }).formatToParts(1234567.5);
  } catch {
    throw new ConfigurationError(`compiling step "parse_number": unknown locale "${locale}"; write one such as en, de, fr or de-CH`);
  }
  const valueOf = (type: string): string | undefined => parts.find((part) => part.type === type)?.value;
  const signs = { decimal: decimal ?? valueOf('decimal') ?? '.', group: group ?? valueOf('group') ?? ',' };
  if (signs.decimal === signs.group) throw new ConfigurationError(`compiling step "parse_number": "${signs.decimal}" cannot be both the decimal sign and the group sign; give "decimal" and "group"`);
  return signs;
}

const escaped = (sign: string): string => sign.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Text → plain number text → type. A group sign must stand where groups do: 1.5 is not 15 in German. */
function numberOf(text: string, { decimal, group }: Signs, { type, currency, percent }: { readonly type: string; readonly currency: boolean; readonly percent: boolean }): string {
  // People type an apostrophe and a plain space where the locale has typographic ones.
  const groups = /\s/u.test(group) ? '[\\x{a0}\\x{202f}\\x{2009} ]' : /['’]/.test(group) ? "['’]" : escaped(group);
  const whole = `(?:\\d+|\\d{1,3}(?:${groups}\\d{2,3})*${groups}\\d{3})`;
  const number = `${whole}(?:${escaped(decimal)}\\d+)?|${escaped(decimal)}\\d+`;
  const money = currency ? '(?:\\p{Sc}|[A-Z]{3}\\b)?' : '';
  const space = '[\\s\\p{Z}]*';
  const pattern = `^${space}(\\(?)${space}([-+−]?)${space}${money}${space}([-+−]?)(${number})${space}${money}${space}(${percent ? '%?' : ''})${space}([-−]?)(\\)?)${space}$`;
  const parts = `regexp_extract(${text}, ${quoteLiteral(pattern)}, ['opens', 'sign', 'inner', 'number', 'percent', 'trailing', 'closes'])`;
  const part = (name: string): string => `${parts}[${quoteLiteral(name)}]`;
  const digits = `replace(regexp_replace(${part('number')}, ${quoteLiteral(groups)}, '', 'g'), ${quoteLiteral(decimal)}, '.')`;
  const negative = `(${part('sign')} IN ('-', '−') OR ${part('inner')} IN ('-', '−') OR ${part('trailing')} <> '' OR ${part('opens')} <> '')`;
  const signed = `(CASE WHEN ${negative} THEN '-' ELSE '' END || ${digits})`;
  // A percentage is moved two places as text, so that no digit is rounded.
  const value = percent ? `CASE WHEN ${part('percent')} = '%' THEN ${signed} || 'e-2' ELSE ${signed} END` : signed;
  const signs = `(${part('sign')} <> '')::INT + (${part('inner')} <> '')::INT + (${part('trailing')} <> '')::INT + (${part('opens')} <> '')::INT`;
  const sound = `${part('number')} <> '' AND (${part('opens')} <> '') = (${part('closes')} <> '') AND ${signs} <= 1`;
  return castOf(`CASE WHEN ${sound} THEN ${value} END`, 'VARCHAR', type);
}
