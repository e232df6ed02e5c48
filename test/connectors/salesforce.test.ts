import { generateKeyPairSync } from 'node:crypto';
import { salesforce } from '../../src/connectors/salesforce';
import { openBench, type Bench } from '../support/files';
import { byClient, startSalesforce, type SalesforceSimulator } from '../support/salesforce';

const benches: Bench[] = [];
const orgs: SalesforceSimulator[] = [];
afterAll(async () => {
  for (const bench of benches) await bench.close();
  for (const org of orgs) await org.close();
});

/** @param more of the connection. */
async function over(options: object = {}, auth: object = byClient, more: object = {}): Promise<Bench> {
  const org = await startSalesforce({ polls: 0, ...options });
  orgs.push(org);
  const bench = await openBench(salesforce, { url: org.url, auth, ...more });
  benches.push(bench);
  return bench;
}

test('an object is read with its types, page by page; compound fields are named and left out', async () => {
  const { plan, rows, rejects, landed } = await (await over()).read('Opportunity');
  expect(plan.columns.map(({ name, type }) => [name, type])).toEqual([
    ['Id', 'VARCHAR'], ['Name', 'VARCHAR'], ['AccountId', 'VARCHAR'], ['Amount', 'DECIMAL(18,2)'], ['StageName', 'VARCHAR'], ['CloseDate', 'DATE'], ['IsDeleted', 'BOOLEAN'], ['SystemModstamp', 'TIMESTAMP WITH TIME ZONE'],
  ]);
  expect(plan.notes.join()).toContain('"BillingAddress" (address) is left out');
  expect(rejects).toEqual([]);
  expect(landed.map((file) => file.rows)).toEqual([50, 50, 50, 50, 26]);
  // A full reading is without deleted records; those of an incremental one come marked.
  expect(rows).toHaveLength(226);
  expect(rows[3]).toEqual({ Id: '006000000000000003', Name: 'Deal 3', AccountId: '001000000000000001', Amount: '300.75', StageName: 'Prospecting', CloseDate: '2026-04-15', IsDeleted: 'false', SystemModstamp: '2026-01-01 00:03:00+00' });
});

test('an incremental reading takes what changed, deleted records too', async () => {
  const bench = await over();
  const words = 'key: [Id], cursor: SystemModstamp';
  const all = await bench.read('Opportunity', words);
  expect([all.rows.length, all.rows.filter((row) => row['IsDeleted'] === 'true').length]).toEqual([230, 4]);
  const since = await bench.read('Opportunity', words, { position: { cursor: '2026-01-01T00:58:01Z' } });
  // Minutes 58 and 59 of the hours that 230 records fill; the bound is a second earlier than the checkpoint.
  expect(since.rows.map((row) => row['Name'])).toEqual(['Deal 58', 'Deal 59', 'Deal 118', 'Deal 119', 'Deal 178', 'Deal 179']);
  await expect(bench.read('Opportunity', 'key: [Id], cursor: CreatedDate')).rejects.toThrow('write that');
});

test('a page that is not the last one and names no next one is not taken for the last', async () => {
  await expect((await over({ faults: [{ on: 'GET /query', does: 'endless' }] }, byClient, { api: 'rest' })).read('Opportunity')).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining('the answer says by "done" that there are more pages') as string });
});

test('the upper bound is by Salesforce\'s clock where that is behind', async () => {
  const { plan } = await (await over({ clock: Date.UTC(2026, 1, 1) - Date.now() })).read('Opportunity', 'key: [Id], cursor: SystemModstamp');
  expect(plan.window!.upper).toMatch(/^2026-01-31T23:55:/);
});

test('a session that ends is begun anew in the middle of a reading', async () => {
  expect((await (await over({ sessionRequests: 3 })).read('Opportunity')).count).toBe(226);
});

test('a spent daily limit is a wait', async () => {
  await expect((await over({ limitAt: 3 })).read('Opportunity')).rejects.toMatchObject({ name: 'SourceThrottledError', retryAfter: 900_000 });
});

test('a login by a signed assertion', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
  const login = { type: 'jwt_bearer', client_id: 'app', user: 'me@example.org' };
  expect((await (await over({}, { ...login, private_key: privateKey })).read('Opportunity')).count).toBe(226);
  await expect((await over({}, { ...login, private_key: 'none' })).read('Opportunity')).rejects.toThrow('no private key in PEM');
});

test('wrong credentials and objects that are not there are named', async () => {
  await expect((await over({}, { ...byClient, client_secret: 'other' })).read('Opportunity')).rejects.toThrow('correct "auth"');
  await expect((await over()).read('Invoice__c')).rejects.toThrow('NOT_FOUND');
});

test.each([
  ['INVALID_QUERY_LOCATOR', 'GET /query/0-50', '--reread'], ['INSUFFICIENT_ACCESS', 'GET /query', 'grant the user of the connection "Read"'], ['MALFORMED_QUERY', 'GET /query', 'only queries with a filter'],
  ['SOMETHING_NEW', 'GET /query', 'Salesforce answered SOMETHING_NEW'],
])('%s is for a person, and names the remedy', async (code, on, remedy) => {
  await expect((await over({ faults: [{ on, does: code }] })).read('Opportunity')).rejects.toMatchObject({ disposition: 'hold', message: expect.stringContaining(remedy) as string });
});

test('many records are read by a job, few by a query, and the setting decides', async () => {
  const ways = async (more: object, options: object = {}): Promise<unknown> => (await (await over(options, byClient, more)).read('Opportunity')).plan.partitions[0];
  expect(await ways({})).toMatchObject({ detail: { api: 'rest' }, estimatedRows: 226 });
  expect(await ways({ bulk_from: 200 })).toMatchObject({ detail: { api: 'bulk' }, estimatedRows: 226 });
  expect(await ways({ bulk_from: 1, api: 'rest' })).toMatchObject({ detail: { api: 'rest' } });
  // A count that takes too long is taken for many.
  expect(await ways({}, { faults: [{ on: 'GET /query', does: 'QUERY_TIMEOUT' }] })).toMatchObject({ detail: { api: 'bulk' }, estimatedRows: null });
});
