import { z } from 'zod';
import { fitsHeader } from './header';

const seconds = z.coerce.number().positive();
const path = z.string().regex(/^[^.\s]+(\.[^.\s]+)*$/).describe('Members one below the other, such as meta.next');

const headerText = z.string().refine(fitsHeader, { message: 'has a line break or another character that no header can carry; look at where it comes from' });
const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, { message: 'is no name of a header' });
/** An address that paths and parameters can be added to. Credentials in it would be shown; "auth" takes them. */
export const baseAddress = z.url({ protocol: /^https?$/ }).refine((text) => !URL.canParse(text) || !/[?#]/.test(text), { message: 'must have no "?" or "#"; put what stands behind it into "params" of the streams' })
  .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', { message: 'has a user or a password in it; write them in "auth"' });

const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('header'), name: headerName.describe('Name of the header'), value: headerText.describe('Its value; write ${env:NAME}') }),
  z.strictObject({ type: z.literal('bearer'), token: headerText.describe('Write ${env:NAME}') }),
  z.strictObject({ type: z.literal('basic'), user: z.string().describe('User'), password: z.string().describe('Write ${env:NAME}') }),
  z.strictObject({
    type: z.literal('oauth2'), token_url: z.url({ protocol: /^https?$/ }).describe('Where tokens are given out'),
    grant: z.enum(['client_credentials', 'refresh_token']).default('client_credentials').describe('How'),
    client_id: z.string().describe('Client id'), client_secret: z.string().optional().describe('Write ${env:NAME}'),
    refresh_token: z.string().optional().describe('With grant refresh_token; write ${env:NAME}'), scope: z.string().optional().describe('Scope asked for'),
  }).refine(({ grant, refresh_token }) => grant !== 'refresh_token' || refresh_token !== undefined, { message: 'grant refresh_token needs refresh_token', path: ['refresh_token'] }),
]);

const paginationSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none'), first_page_only: z.boolean().default(false).describe('There are more pages, and they are not wanted') }),
  z.strictObject({ type: z.literal('page'), param: z.string().default('page').describe('Parameter with the page\'s number'), start: z.coerce.number().int().default(1).describe('Number of the first page'), more: path.optional().describe('Where the answer says whether there is more; else an empty page is the last') }),
  z.strictObject({ type: z.literal('offset'), param: z.string().default('offset').describe('Parameter with the number of records to pass over'), start: z.coerce.number().int().default(0).describe('The first offset'), more: path.optional().describe('Where the answer says whether there is more; else an empty page is the last') }),
  z.strictObject({ type: z.literal('cursor'), param: z.string().describe('Parameter that takes the cursor'), from: path.optional().describe('Where the next cursor stands in the answer'), header: z.string().optional().describe('Or the header with it') })
    .refine(({ from, header }) => (from === undefined) !== (header === undefined), { message: 'give either from or header', path: ['from'] }),
  z.strictObject({ type: z.literal('link') }),
  z.strictObject({ type: z.literal('next_url'), from: path.describe('Where the address of the next page stands in the answer') }),
]);

const errorRule = z.strictObject({
  status: z.coerce.number().int().optional().describe('Status of the answer'),
  body: z.strictObject({ path, equals: z.string() }).optional().describe('A member of the answer and its value, as text'),
  then: z.enum(['retry', 'ignore', 'fail']).describe('Ask again; take it for an empty page that is the last; or ask a person'),
  after: seconds.optional().describe('With retry: seconds to wait, unless the answer says itself'),
}).refine(({ status, body }) => status !== undefined || body !== undefined, { message: 'give status or body', path: ['status'] });

const streamSchema = z.strictObject({
  path: z.string().refine((text) => !/^[a-z][a-z0-9+.-]*:|^[\\/]{2}/i.test(text), { message: 'must be below "url" of the connection; another server is another connection' }).describe('Below the connection\'s url; {parent} stands for a value of the parent stream'),
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}).describe('Query parameters'),
  decode: z.enum(['json', 'jsonl', 'csv']).default('json').describe('How records are laid out in the answer; gzip is noticed'),
  records: z.union([path, z.literal('')]).default('').describe('Where the records stand in the answer (json); empty: the answer is the list'),
  flatten: z.boolean().default(false).describe('Nested objects become columns of their own (json, jsonl)'),
  columns: z.record(z.string(), z.string()).optional().describe('Column → DuckDB type: what is read of each record, and nothing else. Absent: what the first page shows'),
  pagination: paginationSchema.default({ type: 'none', first_page_only: false }).describe('How one page leads to the next'),
  incremental: z.strictObject({
    since: z.string().describe('Parameter with the lower bound'), until: z.string().optional().describe('Parameter with the upper bound'),
    format: z.enum(['iso', 'date', 'epoch', 'epoch_ms']).default('iso').describe('How the bounds are written'),
    margin: z.coerce.number().min(0).default(60).describe('Seconds before now that are left for the next run, since a record may show up late'),
  }).optional().describe('For mode: incremental'),
  parent: z.strictObject({
    stream: z.string().describe('Another stream of the connection'), field: path.describe('Member of its records that {parent} stands for'),
    as: z.string().optional().describe('Column that gets that value in each record'),
  }).optional().describe('The path is asked once for each record of another stream'),
});

/** A connection of `connector: rest`. */
export const configSchema = z.strictObject({
  url: baseAddress.describe('Address that the paths of streams are added to'),
  auth: authSchema.default({ type: 'none' }).describe('none, header, bearer, basic or oauth2'),
  headers: z.record(headerName, headerText).default({}).describe('Sent with each request'),
  rate_limit: z.strictObject({ requests: z.coerce.number().positive().describe('Requests …'), per: seconds.default(1).describe('… in this many seconds') }).optional().describe('One budget for all runs and workers that use the connection and share a staging store'),
  errors: z.array(errorRule).default([]).describe('The first that fits decides; else 429 and 5xx are asked again and the rest is for a person'),
  timeout: seconds.default(300).describe('Seconds that one page may take'),
  max_page_bytes: z.coerce.number().int().positive().default(256 * 2 ** 20).describe('Bytes that one page may have'),
  max_pages: z.coerce.number().int().positive().default(100_000).describe('Requests that one read may need; more is taken for a server that never ends'),
  streams: z.record(z.string(), streamSchema).default({}).describe('Name → what to ask for; http_lookup needs none'),
}).superRefine(({ streams }, problems) => {
  for (const [name, { path: where, parent, decode, pagination, columns }] of Object.entries(streams)) {
    const problem = (word: string, message: string) => problems.addIssue({ code: 'custom', path: ['streams', name, word], message });
    const above = parent && streams[parent.stream];
    if (parent && !above) problem('parent', `there is no stream "${parent.stream}" in this connection`);
    if (above && (above.parent || above.decode !== 'json')) problem('parent', 'a parent answers in json and has no parent itself');
    if (where.includes('{parent}') !== (parent !== undefined)) problem('path', '{parent} and "parent" go together');
    if (parent?.as !== undefined && decode !== 'json') problem('parent', '"as" needs decode: json');
    if (decode !== 'json' && ('from' in pagination && pagination.from !== undefined || 'more' in pagination && pagination.more !== undefined)) problem('pagination', 'only json answers have members to look at; use link, a header, page or offset');
    if (columns && Object.keys(columns).length === 0) problem('columns', 'name at least one column, or leave "columns" out');
  }
});

export type RestConfig = z.output<typeof configSchema>;
export type RestStream = RestConfig['streams'][string];
