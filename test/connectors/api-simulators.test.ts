import { once } from 'node:events';
import path from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { byClient, startSalesforce, type SalesforceSimulator } from '../support/salesforce';

/** What the stand-ins refuse: a client that got away with less than a real service asks for would be shown nothing. */
let crm: SalesforceSimulator;
let issues: { readonly process: ChildProcess; readonly url: string };
let session: string;
beforeAll(async () => {
  crm = await startSalesforce({ polls: 2 });
  const started = spawn(process.execPath, [path.resolve(__dirname, '../../simulators/rest-issues/server.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(started.stdout, 'data') as [Buffer];
  issues = { process: started, url: (JSON.parse(String(said)) as { url: string }).url };
  session = ((await (await login({ grant_type: 'client_credentials', client_id: byClient.client_id, client_secret: byClient.client_secret })).json()) as { access_token: string }).access_token;
});
afterAll(async () => {
  issues.process.kill();
  await crm.close();
});

const login = (form: Record<string, string>): Promise<Response> => fetch(`${crm.url}/services/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
const json = { 'content-type': 'application/json' };

/** Status and code of an answer of the stand-in for Salesforce. */
async function ask(where: string, { method = 'GET', body, headers = {}, token = session }: { method?: string; body?: string; headers?: Record<string, string>; token?: string } = {}): Promise<string> {
  const response = await fetch(`${crm.url}/services/data/${where}`, { method, headers: { authorization: `Bearer ${token}`, ...headers }, ...(body !== undefined && { body }) });
  const text = await response.text();
  const code = /"errorCode":"(\w+)"/.exec(text)?.[1];
  return `${response.status}${code === undefined ? '' : ` ${code}`}`;
}
const query = (soql: string): string => `v67.0/query?q=${encodeURIComponent(soql)}`;

test('Salesforce lets nobody in without what it knows', async () => {
  for (const form of [{}, { grant_type: 'password', username: 'a', password: 'b' }, { grant_type: 'client_credentials', client_id: 'app', client_secret: 'wrong' }, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'no.signature' }]) {
    expect((await login(form as Record<string, string>)).status).toBe(400);
  }
  expect(await ask('v67.0/sobjects', { token: 'made up' })).toBe('401 INVALID_SESSION_ID');
});

test.each([
  ['another version', 'v66.0/sobjects', '404 NOT_FOUND'], ['an object that is not there', 'v67.0/sobjects/Invoice__c/describe', '404 NOT_FOUND'], ['no query', query('please'), '400 MALFORMED_QUERY'],
  ['a query of another form', query('SELECT Id FROM Account ORDER BY Id'), '400 MALFORMED_QUERY'], ['an unknown object', query('SELECT Id FROM Invoice__c'), '400 INVALID_TYPE'], ['an unknown field', query('SELECT Nothing FROM Account'), '400 INVALID_FIELD'],
  ['a compound field', query('SELECT BillingAddress FROM Opportunity'), '400 INVALID_FIELD'], ['a field twice', query('SELECT Id, Id FROM Account'), '400 INVALID_FIELD'], ['a page of a query that was never asked', 'v67.0/query/99-50', '400 INVALID_QUERY_LOCATOR'],
  ['a job that is not there', 'v67.0/jobs/query/750000000000000099', '404 NOT_FOUND'],
])('Salesforce refuses %s', async (_what, where, answer) => {
  expect(await ask(where)).toBe(answer);
});

test('Salesforce takes a job of the documented form only, and gives its result when it is complete', async () => {
  const make = (body: object, headers: Record<string, string> = json): Promise<string> => ask('v67.0/jobs/query', { method: 'POST', body: JSON.stringify(body), headers });
  const job = { operation: 'query', query: 'SELECT Id FROM Account' };
  expect(await make(job, { 'content-type': 'text/plain' })).toBe('415 UNSUPPORTED_MEDIA_TYPE');
  expect(await make({ ...job, pkChunking: true })).toBe('400 JSON_PARSER_ERROR');
  expect(await make({ ...job, operation: 'insert' })).toBe('400 INVALIDJOB');
  expect(await make({ ...job, query: 'SELECT count() FROM Account' })).toBe('400 API_ERROR');
  expect(await make({ ...job, query: 'SELECT Id FROM Setting__x' })).toBe('400 INVALIDENTITY');
  expect(await make(job)).toBe('200');
  const results = (more = '', headers = { accept: 'text/csv' }): Promise<string> => ask(`v67.0/jobs/query/750000000000000001/results${more}`, { headers });
  expect(await results()).toBe('400 INVALIDJOBSTATE');
  for (let look = 0; look < 3; look += 1) await ask('v67.0/jobs/query/750000000000000001');
  expect(await results('', { accept: 'application/json' })).toBe('406 NOT_ACCEPTABLE');
  expect(await results('?locator=made-up')).toBe('400 INVALID_LOCATOR');
  expect(await results('?maxRecords=0')).toBe('400 INVALID_LOCATOR');
  expect(await ask('v66.0/jobs/query/750000000000000001')).toBe('409 VERSION_MISMATCH');
  expect(await results()).toBe('200');
});

test.each<[string, string, RequestInit, number]>([
  ['nobody without a token', '/issues', { headers: {} }, 401], ['no other method', '/issues', { method: 'POST' }, 405], ['no parameter that it does not know', '/issues?sort=up', {}, 422], ['no page of nothing', '/issues?page=0', {}, 422],
  ['no page of too many', '/issues?per_page=101', {}, 422], ['no bound that is no instant', '/issues?since=yesterday', {}, 422], ['no issue that is not there', '/issues/121/comments', {}, 404], ['no other place', '/users', {}, 404],
])('the API of issues takes %s', async (_what, where, options, status) => {
  expect((await fetch(`${issues.url}${where}`, { headers: { authorization: 'Bearer demo-token' }, ...options })).status).toBe(status);
});
