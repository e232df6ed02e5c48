import { z } from 'zod';
import { ConfigurationError } from '../domain/errors';
import { find, refuseTaken, same, textOf, typeOption, wordOption } from './columns';
import { fetched } from './lookups';
import { literalOf } from './other';
import { quoteLiteral } from './quote';
import { defineStep, type CompileInput, type Guard } from './step';

const member = z.string().regex(/^[^.\s]+(\.[^.\s]+)*$/, 'is no member; write one such as data.segment').describe('Members one below the other, such as data.segment');
const field = z.union([member, z.strictObject({ member, type: typeOption.default('VARCHAR').describe('DuckDB type') })]);
const milliseconds: Readonly<Record<string, number>> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
const age = /^(\d+) ?(second|minute|hour|day|week)s?$/;

export const httpLookup = defineStep({
  name: 'http_lookup',
  summary: 'Adds what a REST API answers for a row\'s values; each address is asked for once, under the rate limit of its connection',
  example: 'http_lookup: { connection: crm_api, path: "/customers/{cust_no}", columns: { segment: data.segment, score: { member: data.score, type: INTEGER } } }',
  takesOnError: true,
  optionsSchema: z.strictObject({
    connection: z.string().describe('Connection of connector rest: url, auth, rate_limit, errors and timeout are its words'),
    path: z.string().regex(/^\//, 'must begin with a "/"').describe('Below the connection\'s url; {column} stands for a row\'s value'),
    params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}).describe('Query parameters; {column} in them too'),
    columns: z.record(z.string().min(1), field).refine((columns) => Object.keys(columns).length > 0, 'name at least one column').describe('New column: where it stands in the answer, or { member, type }'),
    on_miss: wordOption(['null', 'error', 'default']).default('null').describe('404, 410, 204, what "errors" of the connection ignore, or a value that is missing or empty: NULL, an error, or "default"'),
    default: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional().describe('Column: value where nothing is there'),
    cache: z.string().regex(/^(run|\d+ ?(second|minute|hour|day|week)s?)$/, 'is "run" or an age such as 1 day').default('run').describe('How long an answer counts: for the run, or so long, also for later runs'),
    concurrency: z.int().min(1).max(32).default(4).describe('Requests side by side'),
  }),
  compile(options, input) {
    const { connection, path, on_miss: onMiss, default: defaults = {}, cache, concurrency } = options;
    const fields = Object.entries(options.columns).map(([name, written]) => (typeof written === 'string' ? { name, member: written, type: 'VARCHAR' } : { name, ...written }));
    for (const { name } of fields) refuseTaken(name, input, 'http_lookup');
    const strange = Object.keys(defaults).find((name) => !fields.some((one) => one.name === name));
    if (strange !== undefined) throw new ConfigurationError(`compiling step "http_lookup": "default" names "${strange}", which is not among its columns`);
    if (onMiss === 'default' && Object.keys(defaults).length === 0) throw new ConfigurationError('compiling step "http_lookup": "on_miss: default" needs "default", e.g. default: { segment: unknown }');
    const named = [...new Set([path, ...Object.values(options.params).map(String)].flatMap(columnsIn))].map((name) => find(name, input, 'http_lookup'));
    const key = named[0]?.name ?? input.columns[0]!.name;
    const missing = `${fetched.state} = 'missing'`;
    const value = (index: number, type: string): string => (type === 'VARCHAR' ? fetched.member(index) : `TRY_CAST(${fetched.member(index)} AS ${type})`);
    const guards: Guard[] = [
      { column: key, output: fields[0]!.name, reason: 'is not answered', reasonSql: fetched.error, when: `${fetched.state} = 'refused'` },
      ...(onMiss === 'error' ? [{ column: key, output: fields[0]!.name, reason: 'is not known there', when: missing }] : []),
      ...fields.flatMap(({ name, type }, index) => (type === 'VARCHAR' ? [] : [{ column: key, output: name, reason: `has a "${name}" that is not a ${type.toUpperCase()}`, when: `${fetched.member(index)} IS NOT NULL AND ${value(index, type)} IS NULL` }])),
    ];
    return {
      kind: 'rows', guards,
      columns: [...input.columns.map(same), ...fields.map(({ name, type }, index) => {
        const given = defaults[name];
        const sql = onMiss === 'default' && given !== undefined ? `CASE WHEN ${missing} THEN ${literalOf(given, type)} ELSE ${value(index, type)} END` : value(index, type);
        return { name, sql, computed: true };
      })],
      fetch: { connection, path, members: fields.map(({ member: at }) => at), keep: keepOf(cache), concurrency, address: addressSql(path, options.params, input) },
    };
  },
});

const keepOf = (cache: string): 'run' | number => {
  const [, count, unit] = age.exec(cache) ?? [];
  return count === undefined ? 'run' : Number(count) * milliseconds[unit!]!;
};

const columnsIn = (text: string): readonly string[] => [...text.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!);

/** NULL where a value is missing, empty or would be another path. */
function addressSql(path: string, params: Readonly<Record<string, string | number | boolean>>, input: CompileInput): string {
  const query = Object.entries(params).map(([name, text], index) => `${quoteLiteral(`${index === 0 ? '?' : '&'}${encodeURIComponent(name)}=`)} || ${filled(String(text), input, encodeURIComponent)}`);
  return [filled(path, input, (text) => text), ...query].join(' || ');
}

function filled(text: string, input: CompileInput, fixed: (text: string) => string): string {
  const parts = text.split(/\{([^{}]+)\}/).map((part, index) => {
    if (index % 2 === 0) return part === '' ? null : quoteLiteral(fixed(part));
    const value = textOf(find(part, input, 'http_lookup'));
    return `CASE WHEN ${value} NOT IN ('', '.', '..') THEN url_encode(${value}) END`;
  });
  return parts.filter((part) => part !== null).join(' || ') || "''";
}
