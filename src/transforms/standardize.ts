import { z } from 'zod';
import { find, lost, placing, textOf } from './columns';
import { quoteLiteral } from './quote';
import { countryFrom, countryTable } from './standardize-country';
import { defineStep, type Guard } from './step';
import { phoneCountries, phoneLengths } from './tables/phone-codes';

const kinds = ['email', 'phone', 'country', 'url'] as const;

const schema = z.strictObject({
  columns: z.array(z.string()).min(1).describe('Columns'),
  as: z.enum(kinds).describe(
    'email: trimmed, lower case, without "mailto:"; phone: +4930123456 (E.164), checked by calling code and number of digits, not whether it is assigned; ' +
    'country: an ISO 3166 code or its name; url: lower-case scheme and host, no default port'),
  country: z.string().refine((value) => value.toUpperCase() in phoneCountries, 'is no ISO country code, such as DE').optional().describe('phone: country of numbers without calling code; without it they are errors'),
  to: z.enum(['alpha2', 'alpha3', 'numeric', 'name']).default('alpha2').describe('country: what is written'),
  languages: z.array(z.string()).default(['en']).describe('country: languages whose names are understood'),
  scheme: z.string().regex(/^[a-z][a-z0-9+.-]*$/, 'is no scheme, such as https').optional().describe('url: scheme of addresses without one; without it they are errors'),
  drop: z.array(z.enum(['fragment', 'query', 'user'])).default([]).describe('url: parts to leave out'),
});
type Options = z.output<typeof schema>;

export const standardize = defineStep({
  name: 'standardize',
  summary: 'Writes e-mail addresses, phone numbers, countries and URLs in one form each',
  example: 'standardize: { columns: [phone], as: phone, country: DE }',
  takesOnError: true,
  optionsSchema: schema,
  compile(options, input) {
    const chosen = options.columns.map((name) => find(name, input, 'standardize'));
    if (options.as === 'country') {
      const value = (index: number): string => `c${index}._millrace_to`;
      const guards: Guard[] = chosen.map((column, index) => ({ column: column.name, output: column.name, reason: 'is no country', when: `${textOf(column)} IS NOT NULL AND ${value(index)} IS NULL` }));
      const from = chosen.reduce((sql, column, index) => `${sql} LEFT JOIN ${countryTable(options.to, options.languages)} c${index} ON c${index}._millrace_from = ${countryFrom(textOf(column))}`, input.relation);
      return { kind: 'rows', from, columns: placing(input, new Map(chosen.map((column, index) => [column.name, value(index)]))), guards };
    }
    const values = chosen.map((column) => ({ column, sql: valueOf(options, textOf(column)) }));
    return { kind: 'rows', columns: placing(input, new Map(values.map(({ column, sql }) => [column.name, sql]))), guards: values.map(({ column, sql }) => lost(column, sql, `is no ${wordOf(options)}`)) };
  },
});

const wordOf = ({ as, country }: Options): string => (as === 'email' ? 'e-mail address' : as === 'phone' ? `phone number${country ? '' : ' with calling code'}` : 'URL');

function valueOf(options: Options, text: string): string {
  switch (options.as) {
    case 'email': return emailOf(text);
    case 'phone': return phoneOf(text, options.country?.toUpperCase());
    case 'url': return urlOf(text, options);
    case 'country': throw new Error('a country is looked up');
  }
}

// Without counted repetitions: of such classes they take seconds to compile.
const label = '[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]*[\\p{L}\\p{N}])?';

/** One address, also as `Name <a@b.org>`; dots neither doubled nor at an end. Whether it exists only a letter can tell. */
function emailOf(text: string): string {
  const bare = `lower(regexp_extract(${text}, '^[\\s\\p{Z}]*(?:[^<>]*<)?(?i:mailto:)?[\\s\\p{Z}]*([^<>\\s]+?)>?[\\s\\p{Z}]*$', 1))`;
  const local = "[\\p{L}\\p{N}!#$%&''*+/=?^_`{|}~-]+";
  return `CASE WHEN length(${bare}) <= 254 AND regexp_full_match(${bare}, '${local}(?:\\.${local})*@(?:${label}\\.)+(?:\\p{L}\\p{L}+|xn--[a-z0-9-]+)') THEN ${bare} END`;
}

/** Calling code and number of digits must go together; codes are free of prefixes of each other. */
const international = (): string => Object.entries(phoneLengths).map(([code, lengths]) =>
  `${code}(?:${lengths.split(',').map((range) => `\\d{${range.replace('-', ',')}}`).join('|')})`).join('|');

function phoneOf(text: string, country: string | undefined): string {
  // `+49 (0)30` is common and wrong: the zero is not dialled with the calling code.
  const cleaned = `regexp_replace(regexp_replace(trim(${text}), '^(\\+|00)([\\d\\s]+)\\(0\\)', '\\1\\2'), '[\\s\\p{Z}()./\\x{2010}-\\x{2015}-]', '', 'g')`;
  const cases = [`WHEN regexp_full_match(${cleaned}, '(?:\\+|00)\\d+') THEN ltrim(regexp_replace(${cleaned}, '^(?:\\+|00)', ''), '+')`];
  if (country) {
    const [code, prefix] = phoneCountries[country]!;
    const national = prefix === '-' ? cleaned : `regexp_replace(${cleaned}, '^${prefix}', '')`;
    cases.push(`WHEN regexp_full_match(${cleaned}, '\\d+') THEN '${code}' || ${national}`);
  }
  const digits = `(CASE ${cases.join(' ')} END)`;
  return `CASE WHEN regexp_full_match(${digits}, ${quoteLiteral(international())}) THEN '+' || ${digits} END`;
}

/** Scheme, host and port as they are compared; path and query stay, since they may tell upper from lower case. */
function urlOf(text: string, { scheme, drop }: Options): string {
  const whole = `regexp_replace(${text}, '^[\\s\\p{Z}]+|[\\s\\p{Z}]+$', '', 'g')`;
  const given = scheme ? `(CASE WHEN regexp_matches(${whole}, '^[A-Za-z][A-Za-z0-9+.-]*://') THEN ${whole} ELSE '${scheme}://' || regexp_replace(${whole}, '^//', '') END)` : whole;
  const pattern = `^([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#@\\s]*)@)?((?:${label}\\.)*${label}\\.?|\\[[0-9A-Fa-f:.]+\\])(?::(\\d{1,5}))?([/][^?#\\s]*)?(\\?[^#\\s]*)?(#\\S*)?$`;
  const parts = `regexp_extract(${given}, ${quoteLiteral(pattern)}, ['scheme', 'user', 'host', 'port', 'path', 'query', 'fragment'])`;
  const part = (name: string): string => `${parts}['${name}']`;
  const usual = `(lower(${part('scheme')}) || ':' || ${part('port')}) IN ('http:80', 'https:443', 'ftp:21')`;
  const written = [
    `lower(${part('scheme')}) || '://'`,
    ...(drop.includes('user') ? [] : [`CASE WHEN ${part('user')} <> '' THEN ${part('user')} || '@' ELSE '' END`]),
    `rtrim(lower(${part('host')}), '.')`,
    `CASE WHEN ${part('port')} = '' OR ${usual} THEN '' ELSE ':' || ${part('port')} END`,
    `CASE WHEN ${part('path')} = '' THEN '/' ELSE ${part('path')} END`,
    ...(drop.includes('query') ? [] : [part('query')]), ...(drop.includes('fragment') ? [] : [part('fragment')]),
  ];
  return `CASE WHEN ${part('host')} <> '' THEN ${written.join(' || ')} END`;
}
